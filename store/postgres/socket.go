package postgres

import (
	"context"
	"net"
	"sync"
	"time"
)

// endTime is how long the end of a connection may take on which the driver has
// given up: it asks the server to cancel what runs there and waits for it to hang
// up, for 15 s if it is let.
const endTime = 2 * time.Second

// sockets are the open connections of a pool to its server.
type sockets struct {
	mu   sync.Mutex
	open map[*socket]bool
	shut bool // nothing is dialled any more
}

func (s *sockets) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shut {
		_ = conn.Close() // nobody has used it
		return nil, net.ErrClosed
	}
	socket := &socket{conn, s}
	s.open[socket] = true
	return socket, nil
}

// cut closes every connection, and every wait for the server ends.
func (s *sockets) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shut = true
	for socket := range s.open {
		_ = socket.Conn.Close() // its owner notices
	}
}

// socket is one connection.
type socket struct {
	net.Conn
	of *sockets
}

func (s *socket) Close() error {
	s.of.mu.Lock()
	delete(s.of.open, s)
	s.of.mu.Unlock()
	return s.Conn.Close()
}

// SetDeadline sets no deadline later than endTime from now. The driver sets one
// only when it wants to end something.
func (s *socket) SetDeadline(t time.Time) error {
	if latest := time.Now().Add(endTime); t.After(latest) {
		t = latest
	}
	return s.Conn.SetDeadline(t)
}
