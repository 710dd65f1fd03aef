package sql_test

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor/runner/sql"
)

func TestAServerThatSaysNothingIsSaidToBeLate(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	conn, err := net.Dial("tcp", silent.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now())
	_, read := conn.Read(make([]byte, 1))
	client := http.Client{Transport: &http.Transport{TLSHandshakeTimeout: time.Millisecond}}
	_, handshake := client.Get("https://" + silent.Addr().String())
	for _, err := range []error{read, handshake, context.DeadlineExceeded} {
		if got := sql.Reason(err); got != "no answer within connect_timeout" {
			t.Errorf("%v became %q", err, got)
		}
	}
}
