//go:build !engines

package mysql

import (
	"fmt"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	fmt.Println("left out without -tags engines: the cases and the example on a real MariaDB")
	os.Exit(m.Run())
}
