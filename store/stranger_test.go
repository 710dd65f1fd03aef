package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// stranger is a login that may ask why a job does not run, and has no right on the
// tables of the queue, in a session of its own.
type stranger struct {
	t    *testing.T
	conn *pgx.Conn
}

func newStranger(t *testing.T, db *storetest.DB) *stranger {
	t.Helper()
	_, login := db.Login("tagexec_analyst")
	return &stranger{t, storetest.Dial(t, login)}
}

func (s *stranger) exec(sql string, args ...any) {
	s.t.Helper()
	if _, err := s.conn.Exec(s.t.Context(), sql, args...); err != nil {
		s.t.Fatal(err)
	}
}

// everyKey are the advisory locks that the queue ever took, by their texts.
var everyKey = []string{"tagexec batch b", "tagexec prune", "tagexec pool p", "tagexec mutex k", "tagexec mutex l", "tagexec listening"}

// follow takes each advisory lock that somebody else is seen to hold, until ctx ends.
func (s *stranger) follow(ctx context.Context) {
	for ctx.Err() == nil {
		_, err := s.conn.Exec(ctx, `SELECT pg_try_advisory_lock(l.classid::bigint << 32 | l.objid::bigint)
			FROM pg_locks l JOIN pg_database d ON d.oid = l.database
			WHERE l.locktype = 'advisory' AND d.datname = current_database() AND l.pid <> pg_backend_pid()`)
		if err != nil && ctx.Err() == nil {
			s.t.Error(err)
			return
		}
	}
}

// prepare locks each table as a SELECT … FOR UPDATE and a DELETE do: Postgres asks for
// the right when they are executed, and locks when they are read.
func (s *stranger) prepare(db *storetest.DB) {
	s.t.Helper()
	s.exec("BEGIN")
	for i, table := range storetest.All[string](db, "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'tagexec'::regnamespace") {
		s.exec(fmt.Sprintf("PREPARE select_%d AS SELECT FROM %s FOR UPDATE", i, table))
		s.exec(fmt.Sprintf("PREPARE delete_%d AS DELETE FROM %s", i, table))
	}
}

// Whatever a login without rights locks, every verb goes on as if it were not there. It
// can keep batches without jobs from being pruned, as any open insert does.
func TestAStrangersLocksStopNobody(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"pg_advisory_lock", "pg_advisory_lock_shared", "pg_advisory_xact_lock", "PREPARE"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('p', 9)")
			s := newStranger(t, db)
			batches := int64(1)
			if how == "PREPARE" {
				s.prepare(db)
				batches = 0
			} else {
				s.exec("BEGIN")
				for _, key := range everyKey {
					s.exec("SELECT "+how+"(hashtextextended($1, 0))", key)
				}
			}
			follower := newStranger(t, db)
			following, end := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				follower.follow(following)
			}()
			defer func() {
				end()
				<-ended
			}()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			call := func(sql string) {
				t.Helper()
				if _, err := db.Pool.Exec(ctx, sql); err != nil {
					t.Errorf("%s: %v", sql, err)
				}
			}

			sleeper := db.Claimer(store.Executor{})
			notified, unlisten := listen(t, sleeper.Session)
			call("INSERT INTO tagexec.tag_jobs (tag, batch) VALUES ('plain', 'b')")
			<-notified
			unlisten()
			call(`SELECT tagexec.submit_jobs('b', '[{"tag": "submitted"}]')`)
			call("SELECT tagexec.cancel_batch('b'), tagexec.retry_batch('b')")
			call("SELECT tagexec.cancel_job(id), tagexec.retry_job(id) FROM tagexec.tag_jobs")
			call(`INSERT INTO tagexec.tag_jobs (tag, pool, mutex_key, batch) VALUES ('keyed', 'default', 'k', NULL), ('limited', 'p', NULL, NULL),
				('both', 'p', 'l', NULL), ('keyed in b', 'default', 'm', 'b'), ('suspect', 'p', 'n', NULL)`)
			call("UPDATE tagexec.tag_jobs SET crashes = 2 WHERE tag = 'suspect'")
			of := func(e store.Executor) string {
				c := db.Claimer(e)
				jobs := c.MustClaim(t, 9)
				c.End(t, store.Succeeded, jobs...)
				return tags(jobs)
			}
			storetest.Check(t, "claimed of the batch", of(store.Executor{Batch: "b"}), "[plain submitted keyed in b]")
			storetest.Check(t, "claimed", of(store.Executor{}), "[keyed limited both]")
			suspects, err := db.Claimer(store.Executor{}).ClaimSuspect(ctx)
			if err != nil || tags(suspects) != "[suspect]" {
				t.Errorf("claimed as suspects %s, %v", tags(suspects), err)
			}
			if pruned := prune(t, db.Store(), 0); pruned.Jobs != 6 || pruned.Batches != batches {
				t.Errorf("pruned %+v", pruned)
			}
		})
	}
}

// When the stranger is gone who kept the flag from a listener, it still is up.
func TestListenRaisesTheFlagAfterAStranger(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := newStranger(t, db)
	s.exec("SELECT pg_advisory_lock(hashtextextended('tagexec listening', 0))")
	notified, end := listen(t, db.Claimer(store.Executor{}).Session)
	s.exec("SELECT pg_advisory_unlock_all()")
	storetest.Eventually(t, "the flag is raised", func() bool {
		return storetest.One[bool](db, `SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
			WHERE l.locktype = 'advisory' AND l.mode = 'ShareLock' AND d.datname = current_database())`)
	})
	db.Insert(storetest.Row{})
	<-notified
	end()
}

// A producer may lock the tables that it may insert into, and no more of the queue.
// What it can keep waiting is the prune of batches, as any open insert does.
func TestTheTableOfInsertsIsLockedByNobodyWithoutRights(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := newStranger(t, db)
	for _, table := range []string{"pool_locks", "mutex_locks", "batch_locks", "insert_lock"} {
		for _, sql := range []string{"DO $$ BEGIN LOCK TABLE tagexec." + table + " IN ACCESS SHARE MODE; END $$", "SELECT FROM tagexec." + table + " FOR KEY SHARE"} {
			if _, err := s.conn.Exec(t.Context(), sql); sqlState(err) != "42501" {
				t.Errorf("%s: %v", sql, err)
			}
		}
	}
}
