package postgres_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// relative is a Postgres that answers some statements as a relative of it does. It
// stands before a real one.
type relative struct {
	url     string
	clients atomic.Int64 // that connected so far

	listener net.Listener
	real     string
	answer   func(sql string) []pgproto3.BackendMessage // in the place of the real one; nil: that answers
	work     sync.WaitGroup
	mu       sync.Mutex
	open     []net.Conn
}

func newRelative(t *testing.T, database string, answer func(sql string) []pgproto3.BackendMessage) *relative {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	r := &relative{real: u.Host, answer: answer}
	if r.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	u.Host = r.listener.Addr().String()
	r.url = u.String()
	r.work.Go(r.accept)
	t.Cleanup(r.close)
	return r
}

func (r *relative) close() {
	_ = r.listener.Close()
	r.mu.Lock()
	for _, conn := range r.open {
		_ = conn.Close()
	}
	r.mu.Unlock()
	r.work.Wait()
}

func (r *relative) accept() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", r.real)
		if err != nil {
			_ = client.Close()
			continue
		}
		r.clients.Add(1)
		r.mu.Lock()
		r.open = append(r.open, client, server)
		r.mu.Unlock()
		r.work.Go(func() {
			defer client.Close()
			_, _ = io.Copy(client, server)
		})
		r.work.Go(func() {
			defer server.Close()
			r.serve(bufio.NewReader(client), client, server)
		})
	}
}

// serve passes on what a client sends, or answers it.
func (r *relative) serve(from *bufio.Reader, client, server io.Writer) {
	kinds := 0 // bytes before the length: the first message has no kind
	for answered := false; ; kinds = 1 {
		head, err := from.Peek(kinds + 4)
		if err != nil {
			return
		}
		message := make([]byte, kinds+int(binary.BigEndian.Uint32(head[kinds:])))
		if _, err := io.ReadFull(from, message); err != nil {
			return
		}
		if kinds == 1 && !answered {
			if reply := r.reply(message[0], message[5:]); reply != nil {
				_, _ = client.Write(reply)
				answered = message[0] == 'P' // what belongs to it follows
				continue
			}
		}
		if !answered {
			_, _ = server.Write(message)
		} else if message[0] == 'S' { // Sync
			answered = false
			_, _ = client.Write(encoded(&pgproto3.ReadyForQuery{TxStatus: 'I'}))
		}
	}
}

// reply is the answer to a message, nil if the real server has to give it.
func (r *relative) reply(kind byte, body []byte) []byte {
	if kind == 'P' { // Parse: name, statement
		_, body, _ = bytes.Cut(body, []byte{0})
	} else if kind != 'Q' { // Query
		return nil
	}
	sql, _, _ := bytes.Cut(body, []byte{0})
	messages := r.answer(string(sql))
	if messages == nil {
		return nil
	}
	if kind == 'Q' {
		messages = append(messages, &pgproto3.ReadyForQuery{TxStatus: 'I'})
	}
	return encoded(messages...)
}

func encoded(messages ...pgproto3.BackendMessage) (all []byte) {
	for _, m := range messages {
		all, _ = m.Encode(all) // they are short
	}
	return all
}

func refusal(code string) []pgproto3.BackendMessage {
	return []pgproto3.BackendMessage{&pgproto3.ErrorResponse{Severity: "ERROR", Code: code, Message: "not here"}}
}
