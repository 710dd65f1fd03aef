package demo

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/tagexec/tagexec/store/devpg"
)

// server is the Postgres of the package's tests, which each make a database of their own in it.
var server *devpg.Server

func TestMain(m *testing.M) { goleak.VerifyTestMain(withPostgres{m}) }

// withPostgres keeps a server up for as long as the tests run, and takes it down before goleak looks.
type withPostgres struct{ m *testing.M }

func (w withPostgres) Run() int {
	var err error
	if server, err = devpg.Start(context.Background(), devpg.Options{Fast: true}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := w.m.Run()
	if err := server.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// newDatabase makes an empty database named after the test and returns its URL.
func newDatabase(t *testing.T) string {
	t.Helper()
	name := strings.ToLower(t.Name())
	conn := connect(t, server.URL("postgres"))
	if _, err := conn.Exec(t.Context(), "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
		t.Fatal(err)
	}
	return server.URL(name)
}

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
	conn := connect(t, newDatabase(t))
	if _, err := Load(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	return conn
}
