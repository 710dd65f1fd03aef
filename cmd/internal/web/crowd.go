package web

import (
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// leastStay is how long a connection may stay, however many come: a request that
// is on its way arrives meanwhile. Those that come wait in the system's queue.
const leastStay = 10 * time.Millisecond

// crowd is a listener that bounds its connections. When one too many comes, the
// oldest gives way: whoever asks is answered, however many others hold
// connections without a word, or with many.
type crowd struct {
	net.Listener
	limit int
	mu    sync.Mutex
	conns []guest // the oldest first
}

type guest struct {
	net.Conn
	since time.Time
}

// Accept waits for the next connection.
func (c *crowd) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if oldest, full := c.oldest(); full {
		time.Sleep(time.Until(oldest.since.Add(leastStay)))
		_ = oldest.Close() // the server notes it
		c.remove(oldest.Conn)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns = append(c.conns, guest{conn, time.Now()})
	return conn, nil
}

// oldest returns the connection that gives way to the next, if one has to.
func (c *crowd) oldest() (_ guest, full bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.conns) < c.limit {
		return guest{}, false
	}
	return c.conns[0], true
}

func (c *crowd) remove(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns = slices.DeleteFunc(c.conns, func(g guest) bool { return g.Conn == conn })
}

// note is the server's ConnState.
func (c *crowd) note(conn net.Conn, state http.ConnState) {
	if state == http.StateClosed || state == http.StateHijacked {
		c.remove(conn)
	}
}
