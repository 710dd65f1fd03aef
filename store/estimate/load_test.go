package estimate_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/estimate"
	"github.com/tagexec/tagexec/store/storetest"
)

// past is nights before now, each a batch of these tags, whose jobs took as many
// seconds as the tag has in its name. Of the night 3 before, each job had failed once.
const past = `
WITH new AS (
    INSERT INTO tagexec.tag_jobs (tag, batch, created_at, run_at, started_at, finished_at, state, attempt, executor_id)
    SELECT 'tag ' || s, 'before ' || n, t, t, t, t + make_interval(secs => s), 'succeeded', CASE n WHEN 3 THEN 2 ELSE 1 END, '00000000-0000-0000-0000-000000000001'
      FROM generate_series(1, $1::integer) n, generate_series(1, $2::integer) s, LATERAL (SELECT now() - make_interval(days => n)) x (t)
 RETURNING *)
INSERT INTO tagexec.tag_past_attempts (job_id, executor_id, queued_at, started_at, finished_at, attempt, hostname, outcome, tag, kind, pool, slots, batch)
SELECT id, executor_id, run_at - interval '1 hour', run_at - interval '1 hour', run_at - interval '59 min', 1, 'h', 'failed', tag, kind, pool, slots, batch
  FROM new WHERE attempt = 2`

func TestLoadReadsWhatAnAnalystMayKnowOfABatch(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec(past, 12, 20)
	db.Exec("UPDATE tagexec.tag_jobs SET state = 'failed', last_outcome = 'failed', failures = 1, max_attempts = CASE batch WHEN 'before 5' THEN 3 ELSE 1 END WHERE batch IN ('before 5', 'before 6') AND tag = 'tag 9'")
	db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('warehouse', 4)")
	db.Exec("INSERT INTO tagexec.tag_pools (pool, paused) VALUES ('shut', true)")
	db.Exec("INSERT INTO tagexec.tag_batches (batch, due_at) VALUES ('night', now() + interval '1 hour')")
	executor := db.Claimer(store.Executor{Workers: 3})
	db.Insert(storetest.Row{"tag": "tag 7", "batch": "night", "priority": 9, "pool": "warehouse", "slots": 2})
	ended := db.Insert(storetest.Row{"tag": "tag 8", "batch": "night", "priority": 8})
	claimed := executor.MustClaim(t, 2)
	executor.End(t, store.Succeeded, claimed[slices.IndexFunc(claimed, func(j store.Job) bool { return j.ID == ended[0] })])
	waits := db.Insert(
		storetest.Row{"tag": "tag 9", "batch": "night", "mutex_key": "k", "timeout_seconds": 60, "max_attempts": 2},
		storetest.Row{"tag": "tag 10", "batch": "other"},
		storetest.Row{"tag": "tag 11"},
		storetest.Row{"tag": "tag 12", "pool": "shut"},
		storetest.Row{"tag": "tag 13", "mutex_key": "k"},
	)
	_, analyst := db.Login("tagexec_analyst")
	conn := storetest.Dial(t, analyst)
	q, err := estimate.Load(t.Context(), conn, "night")
	if err != nil {
		t.Fatal(err)
	}
	storetest.Check(t, "due in an hour", q.Due.Sub(q.Now).Round(time.Minute), time.Hour)
	storetest.Check(t, "pools", slices.Sorted(names(q)), []string{"default [0,false]", "shut [0,true]", "warehouse [4,false]"})
	e := q.Executors[0]
	storetest.Check(t, "executors", []any{len(q.Executors), e.ID, e.Workers, e.Kinds, e.Pools == nil, e.Batch, e.Drains}, []any{1, executor.ID.String(), 3, []string{"sql", "command", "http"}, true, "", false})
	byTag := map[string]estimate.Job{}
	for _, j := range q.Jobs {
		byTag[j.Tag] = j
	}
	storetest.Check(t, "unfinished jobs, without those of a paused pool", len(q.Jobs), 5)
	running, waiting, other := byTag["tag 7"], byTag["tag 9"], byTag["tag 10"]
	storetest.Check(t, "the running job", []any{running.StartedAt.IsZero(), running.Executor, running.Slots, running.Pool, running.Priority}, []any{false, e.ID, 2, "warehouse", 9})
	storetest.Check(t, "the waiting job", []any{waiting.ID, waiting.StartedAt.IsZero(), waiting.MutexKey, waiting.TimeoutSeconds, waiting.MaxAttempts, waiting.Kind, waiting.Batch},
		[]any{waits[0], true, "k", 60.0, 2, "sql", "night"})
	storetest.Check(t, "the batch of another's", other.Batch, "other")
	storetest.Check(t, "ended of the batch", []any{len(q.Ended), q.Ended[0].Tag, q.Ended[0].Failed}, []any{1, "tag 8", false})
	runs := q.Past["tag 9"]
	storetest.Check(t, "past runs of a tag, and a failed one", len(runs), 13)
	storetest.Check(t, "the newest first", []any{runs[0].Batch, runs[0].Seconds, runs[0].Like}, []any{"before 1", 9.0, estimate.Like{Kind: "sql", Pool: "default"}})
	storetest.Check(t, "the failed one", []any{runs[3].Failed, runs[3].Seconds, runs[3].Batch}, []any{true, 60.0, "before 3"})
	storetest.Check(t, "one that succeeded later, one with attempts left, one without", []any{runs[3].Final, runs[5].Failed, runs[5].Final, runs[6].Failed, runs[6].Final}, []any{false, true, true, true, false})
	storetest.Check(t, "past of what has ended tonight", len(q.Past["tag 8"]), 13)

	told := estimate.Of(q)
	storetest.Check(t, "refusal", told.Refusal, "")
	if left := told.P50.Sub(q.Now); left < 7*time.Second || left > 40*time.Second { // tag 9 may wait for tag 13 and fail once
		t.Errorf("it ends after %s", left)
	}
}

func names(q *estimate.Queue) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, p := range q.Pools {
			line, _ := json.Marshal([]any{p.Slots, p.Paused})
			if !yield(p.Name + " " + string(line)) {
				return
			}
		}
	}
}

func TestLoadKnowsNoBatchOfThisKey(t *testing.T) {
	t.Parallel()
	if _, err := estimate.Load(t.Context(), storetest.New(t).Pool, "gone"); !errors.Is(err, estimate.ErrNoBatch) {
		t.Errorf("got %v", err)
	}
}

// traced remembers what is asked.
type traced struct {
	*pgx.Conn
	sql  []string
	args [][]any
}

func (c *traced) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	c.sql, c.args = append(c.sql, sql), append(c.args, args)
	return c.Conn.Query(ctx, sql, args...)
}

// What an estimate reads does not grow with the queue and its history.
func TestLoadLooksAtABoundedNumberOfRows(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("ALTER TABLE tagexec.tag_jobs DISABLE TRIGGER check_new_jobs") // the batches of the past come below
	db.Exec(past, 400, 60)
	db.Exec("INSERT INTO tagexec.tag_batches (batch, created_at) SELECT batch, min(created_at) FROM tagexec.tag_jobs GROUP BY 1 UNION ALL SELECT 'night', now()")
	db.Exec("INSERT INTO tagexec.tag_jobs (tag, batch) SELECT 'tag ' || i, 'night' FROM generate_series(1, 60) i")
	db.Exec("INSERT INTO tagexec.tag_jobs (tag, mutex_key, priority) SELECT 'tag ' || i % 60, CASE i % 2 WHEN 0 THEN 'k' || i % 77 END, 6 FROM generate_series(1, 6000) i")
	db.Claimer(store.Executor{Workers: 3})
	db.Exec("VACUUM ANALYZE")
	c := &traced{Conn: db.Conn()}
	q, err := estimate.LoadLess(t.Context(), c, "night")
	if err != nil {
		t.Fatal(err)
	}
	storetest.Check(t, "jobs of its own and of others", len(q.Jobs), 60+2*220)
	storetest.Check(t, "jobs beyond", q.Beyond, []estimate.Lump{{Like: estimate.Like{Kind: "sql", Pool: "default"}, Priority: 6, RunAt: q.Beyond[0].RunAt, Jobs: 3000 - 220}})
	storetest.Check(t, "tags with a past", len(q.Past), 50)
	for i, sql := range c.sql {
		most := 1000.0
		if strings.Contains(sql, "count jobs of others") {
			most = 3100
		}
		if read := looked(t, c.Conn, sql, c.args[i]...); read > most {
			t.Errorf("looks at %.0f rows, more than %.0f:\n%s", read, most, sql)
		}
	}
}

// looked is how many rows of tables a statement looks at.
func looked(t *testing.T, conn *pgx.Conn, sql string, args ...any) float64 {
	t.Helper()
	var raw []byte
	if err := conn.QueryRow(t.Context(), "EXPLAIN (ANALYZE, FORMAT JSON) "+sql, args...).Scan(&raw); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	var plans []struct{ Plan node }
	if err := json.Unmarshal(raw, &plans); err != nil {
		t.Fatal(err)
	}
	return plans[0].Plan.looked()
}

// node is one of a plan.
type node struct {
	Relation       string  `json:"Relation Name"`
	Rows           float64 `json:"Actual Rows"`
	Loops          float64 `json:"Actual Loops"`
	FilterRemoved  float64 `json:"Rows Removed by Filter"`
	RecheckRemoved float64 `json:"Rows Removed by Index Recheck"`
	Plans          []node
}

func (n node) looked() (rows float64) {
	if n.Relation != "" {
		rows = (n.Rows + n.FilterRemoved + n.RecheckRemoved) * n.Loops
	}
	for _, child := range n.Plans {
		rows += child.looked()
	}
	return rows
}
