package storetest

import (
	"context"
	"crypto/rand"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/store/devpg"
)

// OwnServer starts a server for one test, which may stop it, and whose settings
// and roles no other test sees.
func OwnServer(t testing.TB, settings map[string]string) *devpg.Server {
	t.Helper()
	pg, err := devpg.Start(t.Context(), devpg.Options{Fast: true, Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pg.Stop(); err != nil {
			t.Error(err)
		}
	})
	return pg
}

// Login makes a login in a group role ("" for none), and returns its name and the
// URL of the database for it. Roles are the whole server's: it goes with the test,
// and with it what it owns in this database.
func (db *DB) Login(group string) (name, databaseURL string) {
	db.t.Helper()
	name = "login_" + strings.ToLower(rand.Text())
	sql := "CREATE ROLE " + name + " LOGIN PASSWORD 'x'"
	if group != "" {
		sql += " IN ROLE " + group
	}
	db.Exec(sql)
	db.t.Cleanup(func() {
		if _, err := db.Pool.Exec(context.Background(), "DROP OWNED BY "+name+" CASCADE; DROP ROLE "+name); err != nil {
			db.t.Error(err)
		}
	})
	return name, As(db.t, db.URL, name)
}

// As returns a database URL with another login, whose password is x.
func As(t testing.TB, databaseURL, name string) string {
	t.Helper()
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(name, "x")
	return u.String()
}

// Dial opens a connection, which is closed at the end of the test.
func Dial(t testing.TB, databaseURL string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}
