package storetest

import (
	"cmp"
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tagexec/tagexec/store"
)

// Claimer is a registered executor with a store of its own, which a test makes
// claim and record step by step. Its own methods fail the test on an error.
type Claimer struct {
	*store.Store
	store.Session
	ID       uuid.UUID
	Suspects bool // what the last claim said of them
}

// Claimer registers an executor; without kinds it runs those of every database.
func (db *DB) Claimer(e store.Executor) *Claimer {
	db.t.Helper()
	return db.ClaimerOn(db.Store(), e)
}

// ClaimerOn registers an executor that uses a store of others.
func (db *DB) ClaimerOn(s *store.Store, e store.Executor) *Claimer {
	db.t.Helper()
	e.Hostname, e.PID, e.Version, e.Workers = "test", 1, "test", cmp.Or(e.Workers, 1)
	if e.Kinds == nil {
		e.Kinds = []string{"sql", "command", "http"}
	}
	session, err := s.Register(db.t.Context(), e)
	if err != nil {
		db.t.Fatal(err)
	}
	return &Claimer{Store: s, Session: session, ID: uuid.MustParse(session.ID())}
}

// MustClaim claims up to n jobs.
func (c *Claimer) MustClaim(t testing.TB, n int) []store.Job {
	t.Helper()
	jobs, err := c.ClaimAll(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return jobs
}

// ClaimAll claims as an executor does: again while that may bring more, up to n
// jobs together.
func (c *Claimer) ClaimAll(ctx context.Context, n int) (jobs []store.Job, err error) {
	for {
		claimed, err := c.Claim(ctx, n-len(jobs))
		jobs = append(jobs, claimed.Jobs...)
		c.Suspects = claimed.Suspects
		if err != nil || !claimed.More || len(jobs) == n {
			return jobs, err
		}
	}
}

// MustRecord stores results and returns their fates.
func (c *Claimer) MustRecord(t testing.TB, results ...store.Result) []store.Fate {
	t.Helper()
	fates, err := c.Record(t.Context(), results)
	if err != nil {
		t.Fatal(err)
	}
	return fates
}

// End records the same outcome for all jobs and fails unless it is applied.
func (c *Claimer) End(t testing.TB, outcome store.Outcome, jobs ...store.Job) {
	t.Helper()
	results := make([]store.Result, len(jobs))
	for i, j := range jobs {
		results[i] = store.Result{Claim: j.Claim, Outcome: outcome}
	}
	for i, fate := range c.MustRecord(t, results...) {
		if fate != store.Applied {
			t.Fatalf("result of job %d: fate %q", jobs[i].ID, fate)
		}
	}
}

// Expire makes the lease of an executor so short that it is over once a reaper has
// looked twice.
func (db *DB) Expire(executor uuid.UUID) {
	db.t.Helper()
	db.Exec("UPDATE tagexec.tag_executors SET heartbeat_at = now() - interval '1 h', lease_seconds = 1e-9 WHERE id = $1", executor)
}

// Reap looks at the executors and then reaps, with contact longer than any lease.
func (db *DB) Reap() store.Reaped {
	db.t.Helper()
	return ReapOn(db.t, db.Store())
}

// ReapOn does so with a store of others.
func ReapOn(t testing.TB, s *store.Store) (reaped store.Reaped) {
	t.Helper()
	for _, contact := range []time.Duration{0, time.Hour} {
		var err error
		if reaped, err = s.Reap(t.Context(), contact); err != nil {
			t.Fatal(err)
		}
	}
	return reaped
}
