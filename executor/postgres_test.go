package executor_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

const endToEndJobs = `
INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('narrow', 3), ('wide', NULL);
INSERT INTO tagexec.tag_kinds (kind) VALUES ('quick'), ('slow'), ('broken') ON CONFLICT DO NOTHING;
INSERT INTO tagexec.tag_jobs (tag, kind, batch, pool, slots, priority, mutex_key, max_attempts)
SELECT 'tag ' || i,
       CASE WHEN i % 40 = 0 THEN 'broken' WHEN i % 10 = 0 THEN 'slow' ELSE 'quick' END,
       'all',
       CASE WHEN i % 4 = 0 THEN 'narrow' WHEN i % 4 = 1 THEN 'wide' ELSE 'default' END,
       CASE WHEN i % 8 = 0 THEN 2 ELSE 1 END,
       i % 10,
       CASE WHEN i % 5 = 0 THEN 'key ' || i % 7 END,
       CASE WHEN i % 80 = 0 THEN 1 ELSE 3 END
  FROM generate_series(1, 2000) i`

// released makes jobs that wait for their retry due, so that the test need not wait.
const released = `
UPDATE tagexec.tag_jobs SET run_at = now() WHERE state = 'pending' AND run_at > now()`

// held is how many jobs the busiest executor has claimed.
const held = `
SELECT coalesce(max(n), 0)
  FROM (SELECT count(*) AS n FROM tagexec.tag_jobs WHERE state = 'running' GROUP BY executor_id) e`

// watchful is a Queue that notes what the database refuses.
type watchful struct {
	executor.Queue
	*notes
}

type notes struct {
	mu   sync.Mutex
	errs []error
}

func (n *notes) note(err error) {
	if err != nil && !strings.Contains(err.Error(), "context canceled") {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.errs = append(n.errs, err)
	}
}

func (q watchful) Record(ctx context.Context, results []store.Result) ([]store.Fate, error) {
	fates, err := q.Queue.Record(ctx, results)
	q.note(err)
	return fates, err
}

func TestTwoPoolsOnOneTableRunEachJobOnce(t *testing.T) {
	db := storetest.New(t)
	db.Exec(endToEndJobs)

	var (
		g       gauge
		refused notes
		pools   []*running
		log     strings.Builder
		logging sync.Mutex
	)
	for range 2 {
		kinds := executor.Runners{
			"quick": g.around(func(context.Context, *store.Job) (executor.Report, error) {
				return executor.Report{Output: "done"}, nil
			}),
			"slow": g.around(takes(20 * time.Millisecond)),
			"broken": g.around(func(_ context.Context, j *store.Job) (executor.Report, error) {
				if j.Failures == 0 {
					return executor.Report{}, executor.Failf("broken", "the first attempt fails")
				}
				return executor.Report{}, nil
			}),
		}
		q := watchful{db.Store(), &refused}
		pools = append(pools, start(t, q, executor.Config{
			Workers: 8, Runners: kinds, JobTimeout: time.Minute, PollInterval: 50 * time.Millisecond,
			Log: slog.New(slog.NewTextHandler(lockedWriter{&logging, &log}, nil)),
		}, nil))
	}

	deadline := time.After(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var samples int
	for settled := false; !settled; samples++ {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("the batch is not settled\n%s", log.String())
		}
		storetest.CheckInvariants(t, db)                                    // pools and mutex keys keep their limits at each moment
		if n := storetest.One[int](db, held); n > 8+maxPrefetch+maxBehind { // what has ended runs until that is stored
			t.Errorf("one executor holds %d jobs", n)
		}
		db.Exec(released)
		settled = storetest.One[bool](db, "SELECT tagexec.batch_settled('all')")
	}
	for _, p := range pools {
		p.stop(t)
	}

	for _, check := range []struct {
		what, sql string
		want      int
	}{
		{"jobs that succeeded", `SELECT count(*) FROM tagexec.tag_jobs WHERE state = 'succeeded'`, 1975},
		{"jobs that failed for good", `SELECT count(*) FROM tagexec.tag_jobs WHERE state = 'failed' AND attempt = 1 AND failures = 1`, 25},
		{"attempts that succeeded", `SELECT count(*) FROM tagexec.tag_job_attempts WHERE outcome = 'succeeded'`, 1975},
		{"attempts that failed", `SELECT count(*) FROM tagexec.tag_job_attempts WHERE outcome = 'failed'`, 50},
		{"attempts of neither kind", `SELECT count(*) FROM tagexec.tag_job_attempts WHERE outcome NOT IN ('succeeded', 'failed', 'interrupted')`, 0},
		{"executors that have not signed off", `SELECT count(*) FROM tagexec.tag_executors WHERE stopped_at IS NULL`, 0},
		{"executors that worked", `SELECT count(DISTINCT executor_id) FROM tagexec.tag_job_attempts`, 2},
	} {
		storetest.Check(t, check.what, storetest.One[int](db, check.sql), check.want)
	}
	if total := len(g.runs); total != 2000 {
		t.Errorf("%d jobs ran", total)
	}
	for id, n := range g.runs {
		if broken := n == 2; n > 2 || broken && id%40 != 0 {
			t.Errorf("job %d ran %d times", id, n)
		}
	}
	if len(refused.errs) > 0 || strings.Contains(log.String(), "40P01") {
		t.Errorf("the database refused: %v\n%s", refused.errs, log.String())
	}
	if samples < 3 {
		t.Errorf("%d samples only", samples)
	}
}

// One row that Postgres refuses to change is named, and keeps no other job waiting.
func TestAJobWhoseRowCannotBeWrittenIsNamedInTheLogOnce(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_kinds (kind) VALUES ('quick')")
	all := db.Insert(storetest.Row{"kind": "quick"}, storetest.Row{"kind": "quick", "tag": "bad"}, storetest.Row{"kind": "quick"})
	db.Exec("ALTER TABLE tagexec.tag_jobs ADD CONSTRAINT late CHECK (tag <> 'bad') NOT VALID")
	var (
		log     strings.Builder
		logging sync.Mutex
	)
	p := start(t, db.Store(), executor.Config{
		Workers: 2, Runners: executor.Runners{"quick": takes(0)}, PollInterval: 10 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(lockedWriter{&logging, &log}, nil)),
	}, nil)
	succeeded := func(n int) func() bool {
		return func() bool {
			return storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_jobs WHERE state = 'succeeded'") == n
		}
	}
	storetest.Eventually(t, "the others", succeeded(2))
	storetest.Check(t, "the executor is ready, so it says", p.NotReady(), "")
	db.Insert(storetest.Row{"kind": "quick"})
	storetest.Eventually(t, "one that came later", succeeded(3))
	p.stop(t)
	want := fmt.Sprintf("job=%d sqlstate=23514", all[1])
	if text := log.String(); strings.Count(text, want) != 1 || strings.Contains(text, "database trouble") {
		t.Errorf("want %s once:\n%s", want, text)
	}
	storetest.Check(t, "the job", db.State(all[1]), "pending")
}

type lockedWriter struct {
	mu *sync.Mutex
	w  *strings.Builder
}

func (l lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// What cleanJSON and cleanText let through, Postgres stores as it is, without
// falling back to the note that something was unstorable.
func TestPostgresStoresWhatIsCleaned(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for _, raw := range nastyJSON() {
		clean := executor.CleanJSON([]byte(raw))
		var is bool
		if err := db.Pool.QueryRow(t.Context(), `SELECT $1::text::jsonb IS NOT NULL AND $2::text IS NOT NULL`, string(clean), executor.CleanText(raw)).Scan(&is); err != nil && clean != nil {
			t.Errorf("%.60q became %.60q: %v", raw, clean, err)
		}
	}
}
