package serve

import (
	"net"
	"net/http"
	"slices"
	"sync"
)

// crowd bounds the connections of a server. When one too many comes, the one
// that has been silent for longest gives way: whoever asks is answered, however
// many others hold connections without a word.
type crowd struct {
	limit int
	mu    sync.Mutex
	conns []net.Conn // the longest silent first
}

// note is the server's ConnState.
func (c *crowd) note(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns = slices.DeleteFunc(c.conns, func(known net.Conn) bool { return known == conn })
	if state == http.StateClosed || state == http.StateHijacked {
		return
	}
	c.conns = append(c.conns, conn)
	if len(c.conns) > c.limit {
		_ = c.conns[0].Close() // the server notes it
		c.conns = c.conns[1:]
	}
}
