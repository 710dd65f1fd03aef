package hive

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/beltran/gohive/hiveserver"
)

// maxFrame is the longest answer that is taken, in bytes: a row of sql.MaxRow, and what
// the protocol adds.
const maxFrame = 4 << 20

var (
	// errTooLong is the error of an answer that is longer.
	errTooLong = errors.New("the server's answer is too long")
	// errIncomplete is the error of an answer without what it must have.
	errIncomplete = errors.New("what answers there is not HiveServer2")
)

// connection is one connection with the client of the protocol on it.
type connection struct {
	net.Conn
	client *hiveserver.TCLIServiceClient
}

// dial connects and introduces itself, within ctx.
func dial(ctx context.Context, s source) (*connection, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.Address())
	if err != nil {
		return nil, err
	}
	defer closeWith(ctx, conn)()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	if s.TLS != nil {
		secure := tls.Client(conn, s.TLS)
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, err
		}
		conn = secure
	}
	var transport thrift.TTransport = &plainTransport{conn: conn}
	if s.plain {
		if err := introduce(conn, cmp.Or(s.User, nobody), cmp.Or(s.Pass, nobody)); err != nil {
			_ = conn.Close()
			return nil, err
		}
		transport = &framedTransport{plainTransport: plainTransport{conn: conn}}
	}
	protocol := thrift.NewTBinaryProtocolConf(transport, &thrift.TConfiguration{MaxMessageSize: maxFrame})
	return &connection{conn, hiveserver.NewTCLIServiceClient(thrift.NewTStandardClient(protocol, protocol))}, nil
}

// closeWith closes a connection when ctx is cancelled, until it is told to stop: calls know
// only deadlines.
func closeWith(ctx context.Context, conn net.Conn) (stop func() bool) {
	return context.AfterFunc(ctx, func() {
		if errors.Is(ctx.Err(), context.Canceled) {
			_ = conn.Close()
		}
	})
}

// Close closes the connection; the server closes its session.
func (c *connection) Close() { _ = c.Conn.Close() }

// plainTransport writes a message at once, and reads as it comes. The deadline of a call
// is that of its context.
type plainTransport struct {
	conn net.Conn
	out  bytes.Buffer
}

func (t *plainTransport) Open() error                     { return nil }
func (t *plainTransport) IsOpen() bool                    { return true }
func (t *plainTransport) Close() error                    { return t.conn.Close() }
func (t *plainTransport) RemainingBytes() uint64          { return ^uint64(0) } // not known
func (t *plainTransport) Read(p []byte) (int, error)      { return t.conn.Read(p) }
func (t *plainTransport) Write(p []byte) (int, error)     { return t.out.Write(p) }
func (t *plainTransport) Flush(ctx context.Context) error { return t.send(ctx, t.out.Bytes()) }

func (t *plainTransport) send(ctx context.Context, message []byte) error {
	deadline, _ := ctx.Deadline() // zero: none
	_ = t.conn.SetDeadline(deadline)
	_, err := t.conn.Write(message)
	t.out.Reset()
	return err
}

// framedTransport puts the length before each message, as SASL wants.
type framedTransport struct {
	plainTransport

	in bytes.Reader // what is left of the frame that was read
}

// Flush sends what was written as one frame.
func (t *framedTransport) Flush(ctx context.Context) error {
	frame := binary.BigEndian.AppendUint32(nil, uint32(t.out.Len()))
	return t.send(ctx, append(frame, t.out.Bytes()...))
}

// Read reads from the frame that has come, or waits for one.
func (t *framedTransport) Read(p []byte) (int, error) {
	for t.in.Len() == 0 {
		var head [4]byte
		if _, err := io.ReadFull(t.conn, head[:]); err != nil {
			return 0, err
		}
		length := binary.BigEndian.Uint32(head[:])
		if length > maxFrame {
			return 0, errTooLong
		}
		frame := make([]byte, length)
		if _, err := io.ReadFull(t.conn, frame); err != nil {
			return 0, err
		}
		t.in.Reset(frame)
	}
	return t.in.Read(p)
}

// What a message of the SASL negotiation is, as Thrift numbers it.
const (
	saslStart    = 1
	saslOK       = 2
	saslComplete = 5
)

// nobody is what servers that ask nobody who he is take for a user and a password, which
// must not be empty.
const nobody = "anonymous"

// saslError is what a server refuses somebody with.
type saslError struct{ reason string }

func (e *saslError) Error() string { return e.reason }

// introduce logs in by the SASL mechanism PLAIN (RFC 4616).
func introduce(conn net.Conn, user, password string) error {
	message := saslMessage(saslStart, "PLAIN")
	message = append(message, saslMessage(saslOK, "\x00"+user+"\x00"+password)...)
	if _, err := conn.Write(message); err != nil {
		return err
	}
	for {
		var head [5]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return err
		}
		length := binary.BigEndian.Uint32(head[1:])
		if length > 64<<10 || head[0] == 0 || head[0] > saslComplete {
			return &saslError{"what answers does not speak SASL, as HiveServer2 does (auth=none for one that wants none)"}
		}
		if _, err := io.CopyN(io.Discard, conn, int64(length)); err != nil { // it may quote the login
			return err
		}
		switch head[0] {
		case saslComplete:
			return nil
		case saslOK:
		default:
			return &saslError{"the server refuses the login"}
		}
	}
}

func saslMessage(status byte, text string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{status}, uint32(len(text))), text...)
}
