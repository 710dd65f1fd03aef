package demo

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	// The test's own context has ended by the time of the cleanup.
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// loaded returns a connection to a new database that Load has filled.
func loaded(t *testing.T) *pgx.Conn {
	t.Helper()
	conn := connect(t, storetest.Empty(t).URL)
	if _, err := Load(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	return conn
}
