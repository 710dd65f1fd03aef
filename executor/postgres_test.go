package executor_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
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

// limits are what must hold at any moment: slots of a pool, and mutex keys.
const limits = `
SELECT coalesce((SELECT sum(slots) FROM tagexec.tag_jobs WHERE state = 'running' AND pool = 'narrow'), 0),
       coalesce((SELECT max(n) FROM (SELECT count(*) AS n FROM tagexec.tag_jobs WHERE state = 'running' AND mutex_key IS NOT NULL GROUP BY mutex_key) k), 0),
       coalesce((SELECT max(n) FROM (SELECT count(*) AS n FROM tagexec.tag_jobs WHERE state = 'running' GROUP BY executor_id) e), 0)`

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

func (q watchful) Record(ctx context.Context, hostname string, results []store.Result) ([]store.Fate, error) {
	fates, err := q.Queue.Record(ctx, hostname, results)
	q.note(err)
	return fates, err
}

func TestTwoPoolsOnOneTableRunEachJobOnce(t *testing.T) {
	url := database(t)
	ctx := t.Context()
	db, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.WithoutCancel(ctx))
	if _, err := db.Exec(ctx, endToEndJobs); err != nil {
		t.Fatal(err)
	}

	var (
		g       gauge
		refused notes
		pools   []*running
		log     strings.Builder
		logging sync.Mutex
	)
	for i := range 2 {
		s, err := store.Open(url, fmt.Sprintf("test %d", i))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		kinds := map[string]executor.Runner{
			"quick": g.around(func(context.Context, store.Job) (executor.Outcome, error) {
				return executor.Outcome{Output: "done"}, nil
			}),
			"slow": g.around(takes(20 * time.Millisecond)),
			"broken": g.around(func(_ context.Context, j store.Job) (executor.Outcome, error) {
				if j.Failures == 0 {
					return executor.Outcome{}, executor.Failf("broken", "the first attempt fails")
				}
				return executor.Outcome{}, nil
			}),
		}
		q := watchful{s.Queue(store.QueueConfig{Kinds: []string{"quick", "slow", "broken"}, Timeout: time.Minute}), &refused}
		pools = append(pools, start(t, q, executor.Config{
			Workers: 8, Runners: kinds, PollInterval: 50 * time.Millisecond,
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
		var slots, keys, held int
		if err := db.QueryRow(ctx, limits).Scan(&slots, &keys, &held); err != nil {
			t.Fatal(err)
		}
		if slots > 3 || keys > 1 || held > 8+maxPrefetch {
			t.Errorf("%d slots of 3 are used, %d jobs of one key and %d of one executor run", slots, keys, held)
		}
		if _, err := db.Exec(ctx, released); err != nil {
			t.Fatal(err)
		}
		if err := db.QueryRow(ctx, `SELECT tagexec.batch_settled('all')`).Scan(&settled); err != nil {
			t.Fatal(err)
		}
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
		{"jobs whose attempts do not add up", `SELECT count(*) FROM tagexec.tag_jobs j WHERE attempt <> (SELECT count(*) FROM tagexec.tag_job_attempts a WHERE a.job_id = j.id)`, 0},
		{"executors that have not signed off", `SELECT count(*) FROM tagexec.tag_executors WHERE stopped_at IS NULL`, 0},
		{"executors that worked", `SELECT count(DISTINCT executor_id) FROM tagexec.tag_job_attempts`, 2},
	} {
		var got int
		if err := db.QueryRow(ctx, check.sql).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != check.want {
			t.Errorf("%s: %d, want %d", check.what, got, check.want)
		}
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
	url := database(t)
	ctx := t.Context()
	db, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.WithoutCancel(ctx))
	for _, raw := range nastyJSON() {
		clean := executor.CleanJSON([]byte(raw))
		var is bool
		if err := db.QueryRow(ctx, `SELECT $1::text::jsonb IS NOT NULL AND $2::text IS NOT NULL`, string(clean), executor.CleanText(raw)).Scan(&is); err != nil && clean != nil {
			t.Errorf("%.60q became %.60q: %v", raw, clean, err)
		}
	}
}
