package storetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tagexec/tagexec/store"
)

// DB is a test's private database. Its methods fail the test on an error.
type DB struct {
	URL  string
	Pool *pgxpool.Pool // for the test's own SQL

	t       testing.TB
	allowed map[string]bool
}

// databases numbers the databases of this process.
var databases atomic.Int64

// New returns a database with the newest schema. At the end of the test its
// invariants are checked.
func New(t testing.TB) *DB {
	t.Helper()
	db := create(t, "TEMPLATE "+template)
	t.Cleanup(func() { CheckInvariants(t, db) })
	return db
}

// Empty returns a database with nothing in it. If it has the newest schema at
// the end of the test, its invariants are checked as well.
func Empty(t testing.TB) *DB {
	t.Helper()
	db := create(t, "")
	t.Cleanup(func() {
		if hasNewestSchema(t, db) {
			CheckInvariants(t, db)
		}
	})
	return db
}

// Encoded returns an empty database in another encoding than UTF8.
func Encoded(t testing.TB, encoding string) *DB {
	t.Helper()
	return create(t, "TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C' ENCODING "+encoding)
}

// Copy returns a copy of the database, of which the server has no page in memory:
// what a test does to its files is what the server reads. Nobody else may be
// connected.
func (db *DB) Copy() *DB {
	db.t.Helper()
	options := "TEMPLATE " + db.Name()
	if One[int](db, "SELECT current_setting('server_version_num')::int") >= 150000 {
		options += " STRATEGY file_copy" // the only one before
	}
	db.Pool.Reset()
	c := create(db.t, options)
	db.t.Cleanup(func() { CheckInvariants(db.t, c) })
	return c
}

func create(t testing.TB, options string) *DB {
	t.Helper()
	pg, err := theServer.started()
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("test_%d", databases.Add(1))
	if err := admin(t.Context(), pg, "CREATE DATABASE "+name+" "+options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("database kept: psql '%s'", pg.URL(name))
			return
		}
		if err := admin(context.Background(), pg, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return On(t, pg.URL(name))
}

// On returns the database at url, on a server that the test started itself. Its
// invariants are not checked at the end.
func On(t testing.TB, url string) *DB {
	t.Helper()
	db := &DB{URL: url, t: t}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	config.ConnConfig.RuntimeParams["client_encoding"] = "UTF8"
	if db.Pool, err = pgxpool.NewWithConfig(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Pool.Close)
	return db
}

// Store returns a store on the database, closed at the end of the test.
func (db *DB) Store() *store.Store {
	db.t.Helper()
	s, err := store.Open(db.URL, "test")
	if err != nil {
		db.t.Fatal(err)
	}
	db.t.Cleanup(s.Close)
	return s
}

// Executor registers an executor with a lease of 30 seconds and returns its id.
func (db *DB) Executor() uuid.UUID {
	db.t.Helper()
	id := uuid.New()
	db.Exec(`INSERT INTO tagexec.tag_executors (id, hostname, pid, version, workers, kinds, lease_seconds)
	         VALUES ($1, 'test', 1, 'test', 1, '{sql,command,http}', 30)`, id)
	return id
}

// Conn returns a connection of its own, closed at the end of the test.
func (db *DB) Conn() *pgx.Conn {
	db.t.Helper()
	conn, err := pgx.Connect(db.t.Context(), db.URL)
	if err != nil {
		db.t.Fatal(err)
	}
	db.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// Name is the name of the database.
func (db *DB) Name() string { return db.Pool.Config().ConnConfig.Database }

// Waiting returns how many sessions in the database wait for a lock.
func (db *DB) Waiting() int {
	db.t.Helper()
	return One[int](db, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
}

// Exec runs a statement and returns the rows it touched.
func (db *DB) Exec(sql string, args ...any) int64 {
	db.t.Helper()
	tag, err := db.Pool.Exec(db.t.Context(), sql, args...)
	if err != nil {
		db.t.Fatalf("%s\n%v", sql, err)
	}
	return tag.RowsAffected()
}

// Row is a job to insert: values by column; a string fits any type.
type Row map[string]any

// Insert inserts jobs, each in a statement of its own, and returns their ids.
// The tag is "t" where a row gives none.
func (db *DB) Insert(rows ...Row) []int64 {
	db.t.Helper()
	ids := make([]int64, len(rows))
	for i, row := range rows {
		full := Row{"tag": "t"}
		maps.Copy(full, row)
		columns := slices.Sorted(maps.Keys(full))
		values, places := make([]any, len(columns)), make([]string, len(columns))
		for j, column := range columns {
			values[j], places[j] = full[column], fmt.Sprintf("$%d", j+1)
		}
		ids[i] = One[int64](db, fmt.Sprintf("INSERT INTO tagexec.tag_jobs (%s) VALUES (%s) RETURNING id",
			strings.Join(columns, ", "), strings.Join(places, ", ")), values...)
	}
	return ids
}

// State is the state of a job.
func (db *DB) State(id int64) string {
	db.t.Helper()
	return One[string](db, "SELECT state FROM tagexec.tag_jobs WHERE id = $1", id)
}

// One returns the only column of the only row that a query returns.
func One[T any](db *DB, sql string, args ...any) T {
	db.t.Helper()
	list := All[T](db, sql, args...)
	if len(list) != 1 {
		db.t.Fatalf("%s\nreturned %d rows instead of one", sql, len(list))
	}
	return list[0]
}

// All returns the only column of all rows that a query returns.
func All[T any](db *DB, sql string, args ...any) []T {
	db.t.Helper()
	rows, err := db.Pool.Query(db.t.Context(), sql, args...)
	if err != nil {
		db.t.Fatalf("%s\n%v", sql, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		db.t.Fatalf("%s\n%v", sql, err)
	}
	return list
}

// Eventually waits until condition holds, and fails the test after a minute:
// on a busy machine claims may put off a look at the table for half of one.
func Eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
