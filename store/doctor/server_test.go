package doctor_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/tagexec/tagexec/store/storetest"
)

// server is a test's own server. That of storetest will not do: it has no
// autovacuum, and all tests share its roles.
type server struct {
	*testing.T
	url  string
	conn *pgx.Conn
}

func newServer(t *testing.T) *server {
	t.Helper()
	pg := storetest.OwnServer(t, map[string]string{
		"autovacuum_naptime": "1d", "max_prepared_transactions": "5", "wal_level": "replica", "max_wal_senders": "2", "jit": "off",
	})
	s := &server{T: t, url: pg.URL("postgres")}
	s.conn = s.dial(s.url)
	return s
}

func (s *server) dial(u string) *pgx.Conn {
	s.Helper()
	return storetest.Dial(s.T, u)
}

// exec runs statements, each by itself, on a connection of its own: what it has
// counted is known once it has ended.
func (s *server) exec(statements ...string) {
	s.Helper()
	conn := s.dial(s.url)
	for _, sql := range statements {
		if _, err := conn.Exec(s.Context(), sql); err != nil {
			s.Fatalf("%s: %v", sql, err)
		}
	}
	if err := conn.Close(s.Context()); err != nil {
		s.Fatal(err)
	}
}

// login returns the URL for a new login in a group role.
func (s *server) login(name, group string) string {
	s.Helper()
	s.exec(fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD 'x' %s", name, group))
	return storetest.As(s.T, s.url, name)
}

// abandonSlot leaves a replication slot as a standby does that fed back its
// oldest snapshot and went away.
func (s *server) abandonSlot(name string) {
	s.Helper()
	ctx := s.Context()
	var start string
	var xmin uint32
	if err := s.conn.QueryRow(ctx, "SELECT (SELECT lsn::text FROM pg_create_physical_replication_slot($1, true)), txid_current()::text::xid", name).Scan(&start, &xmin); err != nil {
		s.Fatal(err)
	}
	config, err := pgconn.ParseConfig(s.url)
	if err != nil {
		s.Fatal(err)
	}
	config.RuntimeParams["replication"] = "true"
	standby, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		s.Fatal(err)
	}
	defer standby.Close(context.Background())
	send := func(m pgproto3.FrontendMessage) {
		s.Helper()
		standby.Frontend().Send(m)
		if err := standby.Frontend().Flush(); err != nil {
			s.Fatal(err)
		}
	}
	send(&pgproto3.Query{String: fmt.Sprintf("START_REPLICATION SLOT %s PHYSICAL %s", name, start)})
	for {
		m, err := standby.ReceiveMessage(ctx)
		if err != nil {
			s.Fatal(err)
		}
		if _, begun := m.(*pgproto3.CopyBothResponse); begun {
			break
		}
	}
	feedback := append(make([]byte, 9), byte(xmin>>24), byte(xmin>>16), byte(xmin>>8), byte(xmin))
	feedback[0] = 'h'
	send(&pgproto3.CopyData{Data: append(feedback, make([]byte, 12)...)})
	state := func(want string) {
		s.Helper()
		storetest.Eventually(s, "slot "+want, func() bool {
			var is bool
			if err := s.conn.QueryRow(ctx, "SELECT "+want+" FROM pg_replication_slots").Scan(&is); err != nil {
				s.Fatal(err)
			}
			return is
		})
	}
	state("xmin IS NOT NULL")
	_ = standby.Close(ctx)
	state("NOT active")
}
