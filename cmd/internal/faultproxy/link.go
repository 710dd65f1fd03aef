package faultproxy

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
)

// State of a session's transaction, as the server's ReadyForQuery gives it.
const (
	idle          = 'I'
	inTransaction = 'T'
)

// link is one connection of a client and its continuation to the server.
type link struct {
	proxy          *Proxy
	client, server net.Conn

	// Guarded by proxy.mu.
	application string
	closed      bool
	status      byte  // of the transaction
	watched     *drop // the statement under way matched this
	fell        *drop // a statement in the transaction matched this: drop the answer to its COMMIT
	swallow     bool  // the answer to the statement under way
}

// sever ends the link at once. The caller holds proxy.mu.
func (l *link) sever() {
	l.closed = true
	reset(l.client)
	reset(l.server)
	l.proxy.changed.Broadcast()
}

// pass passes everything on until the server has ended; when the client ends
// first, the server may still be at work on what it sent.
func (l *link) pass() {
	var requests sync.WaitGroup
	requests.Go(func() {
		l.toServer()
		if tcp, ok := l.server.(*net.TCPConn); ok {
			_ = tcp.CloseWrite() // fails only if it is closed already
		}
	})
	l.toClient()
	// Both may be closed already.
	_ = l.client.Close()
	_ = l.server.Close()
	l.proxy.mu.Lock()
	l.closed = true
	l.proxy.changed.Broadcast()
	l.proxy.mu.Unlock()
	requests.Wait()
}

// gate waits while the link is frozen, and reports whether it is still open.
func (l *link) gate() bool {
	p := l.proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	for !l.closed && p.frozen != nil && p.frozen(l.application) {
		p.changed.Wait()
	}
	return !l.closed
}

// toServer passes on what the client sends.
func (l *link) toServer() {
	in, out := bufio.NewReader(l.client), bufio.NewWriter(narrow{l.server, l.proxy})
	if err := l.startup(in, out); err != nil {
		return
	}
	statements := map[string]string{} // SQL by the name of the prepared statement
	for {
		kind, body, err := readMessage(in)
		if err != nil {
			return
		}
		sql, executes := "", false
		switch kind {
		case 'P': // Parse: name, SQL
			name, rest := text(body)
			statements[name], _ = text(rest)
		case 'B': // Bind: portal, name
			_, rest := text(body)
			name, _ := text(rest)
			sql, executes = statements[name], true
		case 'Q': // simple query
			sql, _ = text(body)
			executes = true
		}
		if executes {
			l.proxy.spring(sql)
		}
		if !l.gate() {
			return
		}
		if executes {
			l.note(sql)
		}
		if err := writeMessage(out, kind, body); err != nil {
			return
		}
		if in.Buffered() == 0 && out.Flush() != nil {
			return
		}
	}
}

// note looks whether the answer to a statement is to be dropped. The client
// has the answer to the one before, so everything from now on belongs to this.
func (l *link) note(sql string) {
	p := l.proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.fell != nil && strings.EqualFold(strings.TrimSuffix(strings.TrimSpace(sql), ";"), "commit") {
		l.watched, l.swallow = l.fell, true
		return
	}
	for _, d := range p.drops {
		if d.left > 0 && d.match(sql) {
			l.watched, l.swallow = d, l.status == idle
			return
		}
	}
}

// Codes in the place of the protocol's version, in a client's first message.
const (
	cancelRequest = 80877102
	sslRequest    = 80877103
	gssRequest    = 80877104
)

// startup passes on the first message, which has no type. A cancel request is
// one as well.
func (l *link) startup(in *bufio.Reader, out *bufio.Writer) error {
	for {
		body, err := readBody(in)
		if err != nil {
			return err
		}
		if len(body) < 4 {
			return errors.New("a first message without a version")
		}
		switch binary.BigEndian.Uint32(body) {
		case sslRequest, gssRequest:
			if !l.gate() {
				return net.ErrClosed
			}
			if _, err := l.client.Write([]byte{'N'}); err != nil {
				return err
			}
			continue
		case cancelRequest:
		default:
			l.proxy.mu.Lock()
			l.application = parameter(body[4:], "application_name")
			l.proxy.mu.Unlock()
		}
		if !l.gate() {
			return net.ErrClosed
		}
		if err := writeBody(out, body); err != nil {
			return err
		}
		return out.Flush()
	}
}

// parameter returns a parameter of a startup message.
func parameter(list []byte, name string) string {
	for len(list) > 0 {
		var key, value string
		key, list = text(list)
		value, list = text(list)
		if key == name {
			return value
		}
	}
	return ""
}

// toClient passes on what the server sends. A client that is gone does not end
// it.
func (l *link) toClient() {
	in, out := bufio.NewReader(l.server), bufio.NewWriter(narrow{l.client, l.proxy})
	var (
		held bytes.Buffer // an answer that may be swallowed
		done bool         // it says that something was done
	)
	for {
		kind, body, err := readMessage(in)
		if err != nil {
			return
		}
		swallow := l.heard(kind, body, &done)
		if swallow == keep || swallow == lose {
			_ = writeMessage(&held, kind, body) // to memory
		}
		switch swallow {
		case keep:
			continue
		case lose:
			l.proxy.mu.Lock()
			l.sever()
			l.proxy.mu.Unlock()
			return
		}
		if !l.gate() {
			return
		}
		// After the first error a bufio.Writer writes nothing more.
		_, _ = held.WriteTo(out)
		_ = writeMessage(out, kind, body)
		if in.Buffered() == 0 {
			_ = out.Flush()
		}
		held.Reset()
	}
}

// What to do with a message of the server.
type verdict int

const (
	forward verdict = iota // and all that was kept
	keep                   // until it is known whether anything was done
	lose                   // and all that was kept, and the connection
)

// heard notes a message of the server and decides about it. done is set when
// the answer so far says that something was done.
func (l *link) heard(kind byte, body []byte, done *bool) verdict {
	p := l.proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	if kind == 'C' { // CommandComplete
		tag, _ := text(body)
		*done = *done || l.watched != nil && didSomething(tag)
	}
	if kind != 'Z' { // ReadyForQuery: the end of an answer
		if l.swallow {
			return keep
		}
		return forward
	}
	ended, watched, swallow := *done, l.watched, l.swallow
	*done, l.watched, l.swallow = false, nil, false
	if len(body) > 0 {
		l.status = body[0]
	}
	switch {
	case watched != nil && ended && swallow && watched.left > 0:
		watched.left--
		p.stats.Dropped++
		return lose
	case watched != nil && ended && l.status == inTransaction:
		l.fell = watched
	case l.status == idle:
		l.fell = nil
	}
	return forward
}

// didSomething reads a command tag such as "UPDATE 3" or "COMMIT".
func didSomething(tag string) bool {
	word := tag[strings.LastIndexByte(tag, ' ')+1:]
	n, err := strconv.Atoi(word)
	return err != nil && tag != "ROLLBACK" || n > 0
}

// text cuts a string that ends with NUL from the beginning of b.
func text(b []byte) (string, []byte) {
	before, after, _ := bytes.Cut(b, []byte{0})
	return string(before), after
}

// maxMessage bounds what is kept in memory; Postgres itself takes 1 GB.
const maxMessage = 256 << 20

// readMessage reads a type and a body.
func readMessage(in *bufio.Reader) (kind byte, body []byte, err error) {
	if kind, err = in.ReadByte(); err != nil {
		return 0, nil, err
	}
	body, err = readBody(in)
	return kind, body, err
}

// readBody reads a length, which counts itself, and as much.
func readBody(in *bufio.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, err
	}
	n := int64(binary.BigEndian.Uint32(head[:])) - int64(len(head))
	if n < 0 || n > maxMessage {
		return nil, errors.New("a message of impossible length")
	}
	body := make([]byte, n)
	_, err := io.ReadFull(in, body)
	return body, err
}

func writeMessage(out io.Writer, kind byte, body []byte) error {
	if _, err := out.Write([]byte{kind}); err != nil {
		return err
	}
	return writeBody(out, body)
}

func writeBody(out io.Writer, body []byte) error {
	if _, err := out.Write(binary.BigEndian.AppendUint32(nil, uint32(len(body)+4))); err != nil {
		return err
	}
	_, err := out.Write(body)
	return err
}
