package postgres

import (
	"bufio"
	"encoding/binary"
	"io"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/tagexec/tagexec/executor/runner/sql"
)

// maxNotice is the longest error or notice, in bytes; the rest is cut off.
const maxNotice = 64 << 10

// boundMessages bounds what the connections of a configuration hold in memory,
// whatever statements return: see messages. The driver reads each message into memory
// as a whole.
func boundMessages(config *pgx.ConnConfig) {
	config.MaxProtocolMessageBodyLen = sql.MaxRow
	config.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		return pgproto3.NewFrontend(&messages{from: bufio.NewReaderSize(r, 32<<10)}, w)
	}
}

// messages are the messages of a server on their way to the driver. They are
// bounded while they stream:
//
//   - Of a result the first row is passed on. The others are dropped, and so is
//     the data of COPY TO STDOUT.
//   - A first row longer than sql.MaxRow becomes a row without values. Whoever wants
//     it finds fewer values than columns.
//   - An error or a notice longer than maxNotice is cut.
type messages struct {
	from   *bufio.Reader
	rows   int // of the present result, so far
	header [5]byte
	// What is left of the present message, in this order.
	head  []byte // of the header, to be passed on
	pass  int    // bytes of the body to be passed on,
	blank int    // to be passed on as zeros,
	drop  int    // and to be dropped
}

// Read reads the messages that are left.
func (m *messages) Read(p []byte) (int, error) {
	for {
		switch {
		case len(p) == 0:
			return 0, nil
		case len(m.head) > 0:
			n := copy(p, m.head)
			m.head = m.head[n:]
			return n, nil
		case m.pass > 0:
			n, err := m.from.Read(p[:min(len(p), m.pass)])
			m.pass -= n
			return n, err
		case m.blank > 0:
			n, err := m.from.Discard(min(len(p), m.blank))
			clear(p[:n])
			m.blank -= n
			return n, err
		case m.drop > 0:
			n, err := m.from.Discard(m.drop)
			m.drop -= n
			if err != nil {
				return 0, err
			}
		default:
			if err := m.next(); err != nil {
				return 0, err
			}
		}
	}
}

// next reads the header of a message and decides what becomes of it.
func (m *messages) next() error {
	header, err := m.from.Peek(len(m.header))
	if err != nil {
		return err
	}
	kind, body := header[0], max(int(binary.BigEndian.Uint32(header[1:]))-4, 0)
	m.pass, m.blank, m.drop = body, 0, 0
	switch kind {
	case 'd', 'D': // CopyData, DataRow
		if m.rows++; m.rows > 1 || kind == 'd' {
			m.pass, m.drop = 0, len(header)+body
			return nil
		}
		if body > sql.MaxRow {
			m.pass, m.blank, m.drop = 0, 2, body-2 // the number of values
		}
	case 'E', 'N': // ErrorResponse, NoticeResponse
		if body > maxNotice {
			m.pass, m.blank, m.drop = maxNotice-2, 2, body-maxNotice // the end of a field, the end of the fields
		}
	case 'T', 'C', 'Z': // RowDescription, CommandComplete, ReadyForQuery
		m.rows = 0
	}
	copy(m.header[:], header)
	if m.drop > 0 {
		binary.BigEndian.PutUint32(m.header[1:], uint32(4+m.pass+m.blank))
	}
	m.head = m.header[:]
	_, err = m.from.Discard(len(header))
	return err
}
