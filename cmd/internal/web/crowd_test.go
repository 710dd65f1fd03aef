package web

import (
	"errors"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// arrivals is a listener at which connections have already arrived.
type arrivals struct {
	net.Listener
	conns chan net.Conn
}

func (a arrivals) Accept() (net.Conn, error) {
	select {
	case conn := <-a.conns:
		return conn, nil
	default:
		return nil, errors.New("no more")
	}
}

// visitor notes when it was closed.
type visitor struct {
	net.Conn
	came, closed time.Time
}

func (v *visitor) Close() error {
	v.closed = time.Now()
	return nil
}

// visit lets n connections arrive at once, and does something with each.
func visit(t *testing.T, limit, n int, do func(*crowd, net.Conn)) []*visitor {
	t.Helper()
	conns, visitors := make(chan net.Conn, n), make([]*visitor, n)
	for i := range visitors {
		visitors[i] = &visitor{}
		conns <- visitors[i]
	}
	c := &crowd{Listener: arrivals{conns: conns}, limit: limit}
	for _, v := range visitors {
		conn, err := c.Accept()
		if err != nil {
			t.Fatal(err)
		}
		v.came = time.Now()
		do(c, conn)
		if len(c.conns) > limit {
			t.Fatalf("%d connections, want at most %d", len(c.conns), limit)
		}
	}
	return visitors
}

func TestCrowdLetsEachConnectionStayForAMoment(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit, n = 8, 100
		for i, v := range visit(t, limit, n, func(*crowd, net.Conn) {}) {
			switch stayed := v.closed.Sub(v.came); {
			case i >= n-limit:
				if !v.closed.IsZero() {
					t.Errorf("connection %d was closed", i)
				}
			case v.closed.IsZero():
				t.Errorf("connection %d was not closed", i)
			case stayed < leastStay-time.Millisecond:
				t.Errorf("connection %d stayed for %s", i, stayed)
			}
		}
	})
}

// One that asks without end does not push out those that have just come.
func TestCrowdClosesTheOldestHoweverBusy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var first net.Conn
		visitors := visit(t, 2, 3, func(c *crowd, conn net.Conn) {
			if first == nil {
				first = conn
			}
			c.note(first, http.StateActive)
		})
		if visitors[0].closed.IsZero() || !visitors[1].closed.IsZero() || !visitors[2].closed.IsZero() {
			t.Error("another than the oldest was closed")
		}
	})
}

func TestCrowdForgetsConnectionsThatHaveEnded(t *testing.T) {
	t.Parallel()
	for _, v := range visit(t, 1, 10, func(c *crowd, conn net.Conn) { c.note(conn, http.StateClosed) }) {
		if !v.closed.IsZero() {
			t.Error("closed a connection without need")
		}
	}
}
