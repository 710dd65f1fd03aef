package store_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// Kinds that every database knows.
var kinds = []string{"sql", "command", "http"}

// claimer is one executor: a queue and the id under which it claims.
type claimer struct {
	*store.Queue
	db *storetest.DB
	id uuid.UUID
}

// newClaimer returns a registered executor with a store of its own.
func newClaimer(db *storetest.DB, config store.QueueConfig) *claimer {
	if config.Kinds == nil {
		config.Kinds = kinds
	}
	if config.Timeout == 0 {
		config.Timeout = time.Hour
	}
	c := &claimer{Queue: db.Store().Queue(config), db: db, id: db.Executor()}
	db.Exec("UPDATE tagexec.tag_executors SET kinds = $2, pools = $3, batch = nullif($4, '') WHERE id = $1", c.id, config.Kinds, config.Pools, config.Batch)
	return c
}

// claim claims up to n jobs.
func (c *claimer) claim(t *testing.T, n int) []store.Job {
	t.Helper()
	jobs, err := c.Claim(t.Context(), c.id, n)
	if err != nil {
		t.Fatal(err)
	}
	return jobs
}

// record stores results and returns their fates.
func (c *claimer) record(t *testing.T, results ...store.Result) []store.Fate {
	t.Helper()
	fates, err := c.Record(t.Context(), "host", results)
	if err != nil {
		t.Fatal(err)
	}
	return fates
}

// end records the same outcome for all jobs and fails unless it is applied.
func (c *claimer) end(t *testing.T, outcome string, jobs ...store.Job) {
	t.Helper()
	results := make([]store.Result, len(jobs))
	for i, j := range jobs {
		results[i] = store.Result{Claim: j.Claim, Outcome: outcome}
	}
	for i, fate := range c.record(t, results...) {
		if fate != store.Applied {
			t.Fatalf("result of job %d: fate %q", jobs[i].ID, fate)
		}
	}
}

// ids are the ids of jobs in their order.
func ids(jobs []store.Job) []int64 {
	list := make([]int64, len(jobs))
	for i, j := range jobs {
		list[i] = j.ID
	}
	return list
}

// pgError returns err as an error of the server, and fails if it is none.
func pgError(t *testing.T, err error) *pgconn.PgError {
	t.Helper()
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		t.Fatalf("got %v, want an error of the server", err)
	}
	return pg
}

// asJSON encodes v, which cannot fail in a test.
func asJSON(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return raw
}

// state is the state of a job.
func state(db *storetest.DB, id int64) string {
	return storetest.One[string](db, "SELECT state FROM tagexec.tag_jobs WHERE id = $1", id)
}
