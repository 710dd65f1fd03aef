package migrations_test

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// may runs statements that are permitted; a result that is given is the first
// column of the first row as text.
func may(t *testing.T, conn *pgx.Conn, sql string, want ...string) {
	t.Helper()
	if len(want) == 0 {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
		return
	}
	var got string
	if err := conn.QueryRow(t.Context(), sql).Scan(&got); err != nil || got != want[0] {
		t.Errorf("%s: %q, %v; want %q", sql, got, err, want[0])
	}
}

// mayNot runs statements that are refused for want of a right.
func mayNot(t *testing.T, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		tx, err := conn.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, err = tx.Exec(t.Context(), sql)
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != "42501" {
			t.Errorf("%s: %v; want it refused for want of a right", sql, err)
		}
	}
}
