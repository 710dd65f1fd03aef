package store_test

import (
	"context"
	"testing"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// nap begins one and returns when it is asleep; woken is closed when it is woken.
func nap(t *testing.T, q *store.Queue) (woken <-chan struct{}, end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	asleep, awake, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() { ended <- q.Nap(ctx, func() { close(asleep) }, func() { close(awake) }) }()
	select {
	case <-asleep:
	case err := <-ended:
		t.Fatal("the nap ended before it began:", err)
	}
	return awake, func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func TestASleepingQueueIsWoken(t *testing.T) {
	db := storetest.New(t)
	q := db.Store().Queue(store.QueueConfig{Kinds: []string{"sql"}})
	db.Exec(`INSERT INTO tagexec.tag_pools (pool, slots, paused) VALUES ('warehouse', 2, true);
		INSERT INTO tagexec.tag_jobs (tag, batch) VALUES ('x', 'b');
		SELECT tagexec.cancel_batch('b')`)
	for _, news := range []string{
		`INSERT INTO tagexec.tag_jobs (tag) VALUES ('a')`,
		`SELECT tagexec.submit_jobs('b2', '[{"tag": "b"}]')`,
		`SELECT tagexec.retry_batch('b')`,
		`UPDATE tagexec.tag_pools SET paused = false WHERE pool = 'warehouse'`,
	} {
		woken, end := nap(t, q)
		db.Exec(news)
		<-woken
		end()
	}
}

// What is announced before a nap is no news to it.
func TestOldNewsWakeNobody(t *testing.T) {
	db := storetest.New(t)
	q := db.Store().Queue(store.QueueConfig{Kinds: []string{"sql"}})
	wakes := 0
	twice := func() {
		db.Exec(`INSERT INTO tagexec.tag_jobs (tag) VALUES ('a')`)
		db.Exec(`INSERT INTO tagexec.tag_jobs (tag) VALUES ('b')`)
	}
	if err := q.Nap(t.Context(), twice, func() { wakes++ }); err != nil || wakes != 1 {
		t.Fatalf("woken %d times, want once: %v", wakes, err)
	}
	ctx, end := context.WithCancel(t.Context())
	if err := q.Nap(ctx, end, func() { wakes++ }); err != nil || wakes != 1 {
		t.Errorf("woken by what was announced before: %v", err)
	}
}

// Each NOTIFY takes a lock of the whole database at commit.
func TestNobodyIsNotifiedWhileNobodySleeps(t *testing.T) {
	db := storetest.New(t)
	q := db.Store().Queue(store.QueueConfig{Kinds: []string{"sql"}})
	listener := db.Conn()
	if _, err := listener.Exec(t.Context(), "LISTEN tagexec"); err != nil {
		t.Fatal(err)
	}
	insert := func() { db.Exec(`INSERT INTO tagexec.tag_jobs (tag) VALUES ('a')`) }
	insert()
	_, end := nap(t, q)
	end()
	insert()
	woken, end := nap(t, q)
	insert()
	<-woken
	insert() // a nap lasts until it is ended
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
		t.Errorf("%d notifications for 5 inserts, want 2: for those during the nap", len(got)-1)
	}
}

// The flag falls with the session, whatever becomes of its executor.
func TestADeadSleeperIsForgotten(t *testing.T) {
	db := storetest.New(t)
	q := db.Store().Queue(store.QueueConfig{Kinds: []string{"sql"}})
	ended := make(chan error, 1)
	asleep := make(chan struct{})
	go func() { ended <- q.Nap(t.Context(), func() { close(asleep) }, func() {}) }()
	<-asleep
	db.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '% listen'`)
	if err := <-ended; err == nil {
		t.Error("the nap ended without an error")
	}
	storetest.Eventually(t, "the flag is down", func() bool {
		return storetest.One[bool](db, `SELECT NOT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
			WHERE l.locktype = 'advisory' AND d.datname = current_database())`)
	})
	woken, end := nap(t, q)
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag) VALUES ('a')`)
	<-woken
	end()
}
