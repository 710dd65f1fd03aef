package store_test

import (
	"context"
	"sync"
	"testing"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// listen returns when s listens; notified is closed when it is notified first.
func listen(t *testing.T, s store.Session) (notified <-chan struct{}, end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	listening, heard, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() { ended <- s.Listen(ctx, func() { close(listening) }, sync.OnceFunc(func() { close(heard) })) }()
	select {
	case <-listening:
	case err := <-ended:
		t.Fatal("Listen ended before it listened:", err)
	}
	return heard, func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func TestListenIsNotified(t *testing.T) {
	db := storetest.New(t)
	s := db.Claimer(store.Executor{}).Session
	db.Exec(`INSERT INTO tagexec.tag_pools (pool, slots, paused) VALUES ('warehouse', 2, true);
		INSERT INTO tagexec.tag_jobs (tag, batch) VALUES ('x', 'b');
		SELECT tagexec.cancel_batch('b')`)
	for _, news := range []string{
		`INSERT INTO tagexec.tag_jobs (tag) VALUES ('a')`,
		`SELECT tagexec.submit_jobs('b2', '[{"tag": "b"}]')`,
		`SELECT tagexec.retry_batch('b')`,
		`UPDATE tagexec.tag_pools SET paused = false WHERE pool = 'warehouse'`,
	} {
		notified, end := listen(t, s)
		db.Exec(news)
		<-notified
		end()
	}
}

// What is announced before is not heard.
func TestListenHearsNoOldNews(t *testing.T) {
	db := storetest.New(t)
	s := db.Claimer(store.Executor{}).Session
	heard := 0
	insert := func() { db.Exec(`INSERT INTO tagexec.tag_jobs (tag) VALUES ('a')`) }
	ctx, end := context.WithCancel(t.Context())
	if err := s.Listen(ctx, insert, func() {
		if heard++; heard == 2 {
			end()
		}
		insert()
	}); err != nil || heard != 2 {
		t.Fatalf("notified %d times, want for each of two: %v", heard, err)
	}
	ctx, end = context.WithCancel(t.Context())
	if err := s.Listen(ctx, end, func() { heard++ }); err != nil || heard != 2 {
		t.Errorf("notified by what was announced before: %v", err)
	}
}

// Each NOTIFY takes a lock of the whole database at commit.
func TestListenOffNobodyIsNotified(t *testing.T) {
	db := storetest.New(t)
	s := db.Claimer(store.Executor{}).Session
	listener := db.Conn()
	if _, err := listener.Exec(t.Context(), "LISTEN tagexec"); err != nil {
		t.Fatal(err)
	}
	insert := func() { db.Exec(`INSERT INTO tagexec.tag_jobs (tag) VALUES ('a')`) }
	insert()
	_, end := listen(t, s)
	end()
	insert()
	notified, end := listen(t, s)
	insert()
	<-notified
	insert() // Listen goes on until it is ended
	end()
	insert()
	// The end of the row: notifications arrive in the order of their commits.
	db.Exec(`NOTIFY tagexec, 'end'`)
	var got []string
	for len(got) == 0 || got[len(got)-1] != "end" {
		n, err := listener.WaitForNotification(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, n.Payload)
	}
	if len(got) != 3 {
		t.Errorf("%d notifications for 5 inserts, want 2: for those while it listened", len(got)-1)
	}
}

// The flag falls with the session, whatever becomes of its executor.
func TestListenOfADeadSessionIsForgotten(t *testing.T) {
	db := storetest.New(t)
	s := db.Claimer(store.Executor{}).Session
	ended := make(chan error, 1)
	listening := make(chan struct{})
	go func() { ended <- s.Listen(t.Context(), func() { close(listening) }, func() {}) }()
	<-listening
	db.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '% listen'`)
	if err := <-ended; err == nil {
		t.Error("Listen ended without an error")
	}
	storetest.Eventually(t, "the flag is down", func() bool {
		return storetest.One[bool](db, `SELECT NOT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
			WHERE l.locktype = 'advisory' AND d.datname = current_database())`)
	})
	notified, end := listen(t, s)
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag) VALUES ('a')`)
	<-notified
	end()
}

// A login without rights can fill the server's queue of notifications. Inserts, which
// would fail then, send none; and executors poll.
func TestInsertsSendNoNotificationIntoAFullQueue(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	listener := newStranger(t, db) // who listens until the end, and has the flag
	listener.exec("LISTEN tagexec")
	listener.exec("SELECT pg_advisory_lock(hashtextextended('tagexec listening', 0))")
	sent := func() (sent []string) {
		t.Helper()
		db.Exec("NOTIFY tagexec, 'the last'")
		for {
			n, err := listener.conn.WaitForNotification(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if n.Payload == "the last" {
				return sent
			}
			sent = append(sent, n.Payload)
		}
	}
	db.Insert(storetest.Row{})
	storetest.Check(t, "sent", len(sent()), 1)
	const full = "CREATE OR REPLACE FUNCTION pg_catalog.pg_notification_queue_usage() RETURNS double precision LANGUAGE sql AS 'SELECT 0.6::double precision'"
	db.Exec(full) // to fill it really would take gigabytes
	db.Pool.Reset()
	db.Insert(storetest.Row{})
	storetest.Check(t, "sent when it is full", len(sent()), 0)
}
