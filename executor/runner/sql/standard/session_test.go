package standard

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
)

// A COMMIT whose connection breaks may have stored the work: not all drivers say so by
// ErrBadConn.
func TestABrokenConnectionIsToldFromARefusal(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]bool{
		driver.ErrBadConn: true,
		io.EOF:            true,
		fmt.Errorf("read the answer: %w", io.ErrUnexpectedEOF):   true,
		&net.OpError{Op: "read", Err: syscall.ECONNRESET}:        true,
		errors.New("UNIQUE constraint failed: members.customer"): false,
	} {
		if got := new(session).broken(err); got != want {
			t.Errorf("%v is taken for a broken connection: %t", err, got)
		}
	}
}
