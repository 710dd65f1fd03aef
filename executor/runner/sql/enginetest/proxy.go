package enginetest

import (
	"bytes"
	"net"
	"net/url"
	"sync"
)

// proxy passes connections on to the server, until it is told to do otherwise. It
// knows no protocol: it looks for texts in what clients send.
type proxy struct {
	url      string // of the source, by way of the proxy
	listener net.Listener
	server   string
	work     sync.WaitGroup

	mu    sync.Mutex
	open  map[net.Conn]bool // nil: closed
	sends func([]byte) bool // whether this is what is waited for; nil once it was seen
	seen  func()            // called before it is passed on, or
	after int               // before the server's answer of this number is
	mute  bool              // the server's answer to it is lost, and with it the connection
	muted map[net.Conn]bool // servers whose next answer is lost
	left  map[net.Conn]int  // how many answers there are until seen is called
}

// newProxy starts a proxy before the server of the fixture.
func (s *suite) newProxy() *proxy {
	s.Helper()
	u, err := url.Parse(s.URL)
	if err != nil {
		s.Fatal("the URL of the fixture is none")
	}
	p := &proxy{server: u.Host, open: map[net.Conn]bool{}, muted: map[net.Conn]bool{}, left: map[net.Conn]int{}}
	if p.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		s.Fatal(err)
	}
	u.Host = p.listener.Addr().String()
	p.url = u.String()
	p.work.Go(p.accept)
	s.Cleanup(func() {
		p.cut()
		p.work.Wait()
	})
	return p
}

// when calls seen before the first such data of a client is passed on; or, if answer is
// not 0, before the server's answer of this number, counted from there, is passed on.
func (p *proxy) when(sends func([]byte) bool, answer int, seen func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sends, p.after, p.seen, p.mute = sends, answer, seen, false
}

// loseAnswer makes the answer to the first such data of a client be lost with its
// connection. Nobody is let through then.
func (p *proxy) loseAnswer(sends func([]byte) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sends, p.after, p.seen, p.mute = sends, 0, func() {}, true
}

// commits reports whether a client sends COMMIT, and not READ COMMITTED.
func commits(data []byte) bool {
	return bytes.Contains(bytes.ReplaceAll(data, []byte("COMMITTED"), nil), []byte("COMMIT"))
}

// sends reports whether a client sends a text.
func sends(text string) func([]byte) bool {
	return func(data []byte) bool { return bytes.Contains(data, []byte(text)) }
}

// cut ends all connections, and lets none through from now on.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.listener.Close()
	for conn := range p.open {
		_ = conn.Close()
	}
	p.open = nil
}

// connections is how many clients it has.
func (p *proxy) connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.open) / 2
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		if !p.keep(client, server) {
			return
		}
		p.work.Go(func() { p.pass(client, server, p.look) })
		p.work.Go(func() { p.pass(server, client, p.answer) })
	}
}

// keep notes connections that cut has to close.
func (p *proxy) keep(client, server net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		_, _ = client.Close(), server.Close()
		return false
	}
	p.open[client], p.open[server] = true, true
	return true
}

// pass passes on what comes, as long as may says so.
func (p *proxy) pass(from, to net.Conn, may func(data []byte, from, to net.Conn) bool) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && may(buf[:n], from, to) {
			if _, failed := to.Write(buf[:n]); failed != nil {
				err = failed
			}
		}
		if err != nil {
			p.drop(from, to)
			return
		}
	}
}

// drop ends a connection, which has ended in one direction.
func (p *proxy) drop(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range conns {
		_ = conn.Close()
		delete(p.open, conn)
	}
}

// look looks at what a client sends.
func (p *proxy) look(data []byte, _, server net.Conn) bool {
	p.mu.Lock()
	found := p.sends != nil && p.sends(data)
	seen, now := p.seen, found && p.after == 0
	if found {
		p.sends = nil
		p.muted[server], p.left[server] = p.mute, p.after
	}
	p.mu.Unlock()
	if now {
		seen()
	}
	return true
}

// answer looks whether an answer is to be lost.
func (p *proxy) answer(_ []byte, server, _ net.Conn) bool {
	p.mu.Lock()
	lost, seen, now := p.muted[server], p.seen, p.left[server] == 1
	p.left[server]--
	p.mu.Unlock()
	if now {
		seen()
	}
	if lost {
		p.cut()
	}
	return !lost
}
