package faultproxy

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"
)

// dialTimeout bounds the connection to the server, which is near.
const dialTimeout = 5 * time.Second

// Proxy passes connections on to one server. All methods may be called
// concurrently.
type Proxy struct {
	listener net.Listener
	target   string
	work     sync.WaitGroup

	mu      sync.Mutex
	changed *sync.Cond // something below, or a link, has changed
	links   map[*link]bool
	closed  bool
	cut     bool
	frozen  func(application string) bool // nil: nothing is
	trap    func(sql string) bool         // freezes everything when it holds; nil: none is set
	drops   []*drop
	stats   Stats
	rate    int       // bytes a second; 0: no limit
	free    time.Time // when the bytes that were let through have arrived
}

// Stats are counts since the start.
type Stats struct {
	Connections int // passed on to the server
	Refused     int // not passed on, while the network was cut
	Cut         int // closed by Cut
	Dropped     int // answers swallowed
}

// drop is an order to swallow answers.
type drop struct {
	match func(sql string) bool
	left  int
}

// Listen starts a proxy on a free port of 127.0.0.1 for the server at target,
// host:port. Close it.
func Listen(target string) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the proxy: %w", err)
	}
	p := &Proxy{listener: listener, target: target, links: map[*link]bool{}}
	p.changed = sync.NewCond(&p.mu)
	p.work.Go(p.accept)
	return p, nil
}

// Before starts a proxy for the server in a Postgres URL and returns it with
// the URL that leads through it.
func Before(database string) (*Proxy, string, error) {
	u, err := url.Parse(database)
	if err != nil {
		return nil, "", fmt.Errorf("start the proxy: the database is given by no URL") // err may quote the password
	}
	port := u.Port()
	if port == "" {
		port = "5432"
	}
	p, err := Listen(net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return nil, "", err
	}
	u.Host = p.Addr()
	return p, u.String(), nil
}

// Addr is where clients connect, host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Close closes everything and waits until it has ended.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	err := p.listener.Close()
	for l := range p.links {
		l.sever()
	}
	p.changed.Broadcast()
	p.mu.Unlock()
	p.work.Wait()
	return err
}

// Stats returns the counts so far.
func (p *Proxy) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stats
}

// Cut closes all connections, and every new one at once, until Heal.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
	for l := range p.links {
		l.sever()
		p.stats.Cut++
	}
	p.changed.Broadcast()
}

// Heal lets connections through again after Cut.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = false
}

// Freeze holds up all bytes in both directions until Thaw. Connections stay
// open, and new ones are accepted, with nothing behind them. What is on its way
// already may still arrive.
func (p *Proxy) Freeze() { p.freeze(everything) }

// FreezeApplication does the same to the connections of one application_name
// only.
func (p *Proxy) FreezeApplication(name string) {
	p.freeze(func(application string) bool { return application == name })
}

// FreezeAt does the same to all connections as soon as a client sends a
// statement that matches, which is held up itself.
func (p *Proxy) FreezeAt(match func(sql string) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trap = match
}

// Frozen reports whether anything is frozen now.
func (p *Proxy) Frozen() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.frozen != nil
}

// spring freezes everything if a statement is the one that FreezeAt waits for.
func (p *Proxy) spring(sql string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.trap != nil && p.trap(sql) {
		p.trap, p.frozen = nil, everything
	}
}

func everything(string) bool { return true }

func (p *Proxy) freeze(which func(application string) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen = which
}

// Thaw ends each kind of freeze: what was held up arrives now, also what a client sent that
// has given up since.
func (p *Proxy) Thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen = nil
	p.changed.Broadcast()
}

// Limit lets through so many bytes a second, of all connections and both
// directions together; 0 for no limit.
func (p *Proxy) Limit(rate int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rate = rate
}

// chunk is what a limited connection passes on before it is another's turn.
const chunk = 8 << 10

// narrow is a connection behind the limit.
type narrow struct {
	net.Conn
	proxy *Proxy
}

func (n narrow) Write(b []byte) (written int, err error) {
	for part := range slices.Chunk(b, chunk) {
		n.proxy.wait(len(part))
		w, err := n.Conn.Write(part)
		if written += w; err != nil {
			return written, err
		}
	}
	return written, nil
}

// wait waits until n bytes may pass.
func (p *Proxy) wait(n int) {
	p.mu.Lock()
	if p.rate == 0 {
		p.mu.Unlock()
		return
	}
	if now := time.Now(); p.free.Before(now) {
		p.free = now
	}
	p.free = p.free.Add(time.Duration(n) * time.Second / time.Duration(p.rate))
	until := time.Until(p.free)
	p.mu.Unlock()
	time.Sleep(until)
}

// DropAnswers swallows the answers to the next n statements that match: the
// server does what they say, and instead of its answer the client sees the
// connection close. Inside a transaction it is the answer to the COMMIT that is
// swallowed. An answer that says nothing was done (an error, no rows) is passed
// on and not counted. match is called with the SQL text also where a prepared
// statement is executed; it must not call the Proxy.
func (p *Proxy) DropAnswers(n int, match func(sql string) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drops = append(p.drops, &drop{match: match, left: n})
}

// accept takes connections until the listener is closed.
func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.work.Go(func() { p.serve(client) })
	}
}

// serve passes one connection on until it has ended.
func (p *Proxy) serve(client net.Conn) {
	p.mu.Lock()
	refuse := p.cut || p.closed
	if refuse {
		p.stats.Refused++
	}
	p.mu.Unlock()
	if refuse {
		reset(client)
		return
	}
	server, err := net.DialTimeout("tcp", p.target, dialTimeout)
	if err != nil {
		reset(client)
		return
	}
	l := &link{proxy: p, client: client, server: server, status: idle}
	p.mu.Lock()
	if p.cut || p.closed {
		p.stats.Refused++
		l.sever()
	} else {
		p.stats.Connections++
		p.links[l] = true
	}
	p.mu.Unlock()
	l.pass()
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
}

// reset closes a connection so that the other side sees an error at once.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // fails only if it is closed already
	}
	_ = c.Close()
}
