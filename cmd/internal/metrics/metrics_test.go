package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tagexec/tagexec/cmd/internal/metrics"
	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// byTag runs a job as its tag says.
func byTag(ctx context.Context, j *store.Job) (executor.Report, error) {
	switch j.Tag {
	case "bad":
		return executor.Report{}, executor.Refusef("broken", "it broke")
	case "long":
		<-ctx.Done()
		return executor.Report{}, context.Cause(ctx)
	}
	return executor.Report{}, nil
}

func TestAttemptsAreCountedByTheirEnd(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec(`INSERT INTO tagexec.tag_kinds (kind) VALUES ('test'); `)
	db.Exec(`INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('narrow', 2)`)
	st := db.Store()
	s := newScene(t, db, st)
	s.run(st, executor.Config{PollInterval: 20 * time.Millisecond}, byTag)

	// A counter that begins with its first event misses that one.
	is := s.until("an executor", func(is map[string]float64) bool { return is[`tagexec_executors{state="alive"}`] == 1 })
	for _, outcome := range []string{"succeeded", "failed", "timed_out", "cancelled", "interrupted"} {
		for _, pool := range []string{"default", "narrow"} {
			name := fmt.Sprintf(`tagexec_attempts_total{kind="test",outcome=%q,pool=%q}`, outcome, pool)
			if v, exists := is[name]; !exists || v != 0 {
				t.Errorf("%s is %v, %t before the first attempt", name, v, exists)
			}
		}
	}
	ids := db.Insert(
		storetest.Row{"kind": "test", "tag": "good", "pool": "narrow"},
		storetest.Row{"kind": "test", "tag": "good", "pool": "narrow"},
		storetest.Row{"kind": "test", "tag": "bad"},
		storetest.Row{"kind": "test", "tag": "long", "timeout_seconds": 1, "max_attempts": 1},
		storetest.Row{"kind": "test", "tag": "long"},
	)
	s.until("one running", func(is map[string]float64) bool {
		return is["tagexec_workers_busy"] == 1 && is[`tagexec_pool_slots_used{pool="default"}`] == 1
	})
	db.Exec(`SELECT tagexec.cancel_job($1)`, ids[4])
	is = s.until("the end of all", func(is map[string]float64) bool {
		return is[`tagexec_attempts_total{kind="test",outcome="succeeded",pool="narrow"}`] == 2 &&
			is[`tagexec_attempts_total{kind="test",outcome="failed",pool="default"}`] == 1 &&
			is[`tagexec_attempts_total{kind="test",outcome="timed_out",pool="default"}`] == 1 &&
			is[`tagexec_attempts_total{kind="test",outcome="cancelled",pool="default"}`] == 1
	})
	for name, want := range map[string]float64{
		`tagexec_attempt_run_seconds_count{kind="test",pool="default"}`: 3,
		`tagexec_attempt_run_seconds_count{kind="test",pool="narrow"}`:  2,
		`tagexec_attempt_wait_seconds_count{pool="default"}`:            3,
		`tagexec_attempt_wait_seconds_count{pool="narrow"}`:             2,
		`tagexec_workers`:                         4,
		`tagexec_workers_busy`:                    0,
		`tagexec_workers_stuck`:                   0,
		`tagexec_results_waiting`:                 0,
		`tagexec_results_waiting_bytes`:           0,
		`tagexec_results_refused_total`:           0,
		`tagexec_claims_lost_total`:               0,
		`tagexec_claims_total{result="error"}`:    0,
		`tagexec_pool_slots{pool="narrow"}`:       2,
		`tagexec_pool_slots_used{pool="default"}`: 0,
		`tagexec_build_info{schema="` + fmt.Sprint(store.SchemaVersion) + `",version="v1"}`: 1,
	} {
		if got, exists := is[name]; !exists || got != want {
			t.Errorf("%s is %v (%t), want %v", name, got, exists, want)
		}
	}
	if ran := is[`tagexec_attempt_run_seconds_sum{kind="test",pool="default"}`]; ran < 1 {
		t.Errorf("the runs took %v s, one of them 1 s", ran)
	}
	if n := is[`tagexec_claims_total{result="jobs"}`]; n < 1 || n > 5 {
		t.Errorf("%v claims brought 5 jobs", n)
	}
	if is[`tagexec_claims_total{result="empty"}`] < 1 || is[`tagexec_claim_seconds_sum`] <= 0 || is[`tagexec_record_seconds_count`] < 1 || is[`tagexec_record_seconds_sum`] <= 0 {
		t.Error("claims and records take no time")
	}
	if left := is["tagexec_lease_seconds_left"]; left < 15 || left > 30 {
		t.Errorf("the lease of 30 s has %v s left", left)
	}
	if _, exists := is[`tagexec_pool_slots{pool="default"}`]; exists {
		t.Error("a pool without a limit has slots")
	}
}

func TestTheQueueIsReadAtTheScrape(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec(`INSERT INTO tagexec.tag_kinds (kind) VALUES ('test')`)
	db.Exec(`INSERT INTO tagexec.tag_pools (pool, slots, paused) VALUES ('still', 5, true)`)
	s := newScene(t, db, db.Store())
	is := s.scrape()
	if is["tagexec_queue_scrape_ok"] != 1 || is[`tagexec_queue_pending{pool="still"}`] != 0 || is["tagexec_batches_overdue"] != 0 || is[`tagexec_executors{state="alive"}`] != 0 {
		t.Errorf("an empty queue: %v", is)
	}
	ago := func(d time.Duration) time.Time { return time.Now().Add(-d) }
	db.Insert(
		storetest.Row{"kind": "test", "pool": "still", "created_at": ago(2 * time.Hour), "run_at": ago(time.Hour), "priority": 1},
		storetest.Row{"kind": "test", "pool": "still", "created_at": ago(time.Minute), "run_at": ago(time.Minute), "priority": 9},
		storetest.Row{"kind": "test", "pool": "still", "run_at": time.Now().Add(time.Hour)},
	)
	db.Exec(`SELECT tagexec.submit_jobs($1, '[{"tag": "a", "kind": "test"}]', jsonb_build_object('due_at', now() - interval '1 min'))`, "late")
	db.Exec(`SELECT tagexec.submit_jobs($1, '[{"tag": "a", "kind": "test"}]', jsonb_build_object('due_at', now() + interval '1 h'))`, "in time")
	db.Exec(`SELECT tagexec.submit_jobs($1, '[{"tag": "a", "kind": "test"}]', jsonb_build_object('due_at', now() - interval '1 min'))`, "late, but over")
	db.Exec(`SELECT tagexec.cancel_batch('late, but over')`)
	db.Exec(`INSERT INTO tagexec.tag_executors (id, hostname, pid, version, workers, kinds, lease_seconds, started_at, heartbeat_at, stopped_at, reaped_at, drain_requested_at)
	         SELECT gen_random_uuid(), 'h', 1, 'v', 1, '{test}', 600, now(), now() - h, s, r, d
	           FROM (VALUES (interval '1 s', NULL::timestamptz, NULL::timestamptz, NULL::timestamptz), ('1 s', NULL, NULL, NULL), ('1 s', NULL, NULL, now()),
	                        ('1 h', NULL, NULL, NULL), ('1 s', now(), NULL, NULL), ('1 s', NULL, now(), NULL)) v (h, s, r, d)`)
	old := db.Conn()
	if _, err := old.Exec(t.Context(), "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1"); err != nil {
		t.Fatal(err)
	}
	is = s.until("an old snapshot", func(is map[string]float64) bool { return is["tagexec_snapshot_age_seconds"] > .05 })
	for name, want := range map[string]float64{
		`tagexec_queue_scrape_ok`:               1,
		`tagexec_queue_pending{pool="still"}`:   3,
		`tagexec_queue_due{pool="still"}`:       2,
		`tagexec_pool_paused{pool="still"}`:     1,
		`tagexec_pool_slots{pool="still"}`:      5,
		`tagexec_pool_slots_used{pool="still"}`: 0,
		`tagexec_queue_pending{pool="default"}`: 2,
		`tagexec_pool_paused{pool="default"}`:   0,
		`tagexec_batches_overdue`:               1,
		`tagexec_executors{state="alive"}`:      2,
		`tagexec_executors{state="draining"}`:   1,
		`tagexec_executors{state="silent"}`:     1,
	} {
		if is[name] != want {
			t.Errorf("%s is %v, want %v", name, is[name], want)
		}
	}
	if oldest := is[`tagexec_queue_oldest_due_seconds{pool="still"}`]; oldest < 3600 || oldest > 4000 {
		t.Errorf("the oldest job is due since %v s, want an hour", oldest)
	}
	if _, err := old.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	db.Exec(`DELETE FROM tagexec.tag_executors`)
}

func TestWhatGoesWrongIsCounted(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec(`INSERT INTO tagexec.tag_kinds (kind) VALUES ('test')`)
	st := db.Store()
	s := newScene(t, db, st)
	s.run(st, executor.Config{PollInterval: 20 * time.Millisecond, Lease: 2 * time.Second, Heartbeat: 200 * time.Millisecond}, byTag)
	id := db.Insert(storetest.Row{"kind": "test", "tag": "long"})[0]
	s.until("one running", func(is map[string]float64) bool { return is["tagexec_workers_busy"] == 1 })
	other := db.Executor()
	db.Exec(`UPDATE tagexec.tag_jobs SET executor_id = $2 WHERE id = $1`, id, other)
	s.until("a lost claim and a refused result", func(is map[string]float64) bool {
		return is["tagexec_claims_lost_total"] == 1 && is["tagexec_results_refused_total"] == 1
	})
	db.Expire(other)
	s.until("a dead executor", func(is map[string]float64) bool {
		return is["tagexec_reaped_executors_total"] == 1 && is["tagexec_reaped_jobs_total"] == 1
	})
	db.Exec(`SELECT tagexec.cancel_job($1)`, id)
	s.until("the end", func(map[string]float64) bool { return db.State(id) == "cancelled" })
}

// flawed is a queue whose statements fail while they are to.
type flawed struct {
	*store.Store
	fails atomic.Pointer[error]
	hangs atomic.Bool
}

func (q *flawed) Record(ctx context.Context, results []store.Result) ([]store.Fate, error) {
	if err := q.fails.Load(); err != nil {
		return nil, *err
	}
	return q.Store.Record(ctx, results)
}

func (q *flawed) QueueNow(ctx context.Context) (store.QueueNow, error) {
	if q.hangs.Load() {
		<-ctx.Done()
		return store.QueueNow{}, ctx.Err()
	}
	if err := q.fails.Load(); err != nil {
		return store.QueueNow{}, *err
	}
	return q.Store.QueueNow(ctx)
}

// A scrape says that the database is away, by what it still knows.
func TestAScrapeNeverFailsBecauseOfTheDatabase(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec(`INSERT INTO tagexec.tag_kinds (kind) VALUES ('test')`)
	q := &flawed{Store: db.Store()}
	s := newScene(t, db, q)
	s.run(q, executor.Config{PollInterval: 20 * time.Millisecond}, byTag)
	s.until("the queue", func(is map[string]float64) bool { return is["tagexec_queue_scrape_ok"] == 1 })
	var full error = &pgconn.PgError{Code: "53300"}
	q.fails.Store(&full)
	db.Insert(storetest.Row{"kind": "test", "tag": "good"})
	is := s.until("a result that waits", func(is map[string]float64) bool {
		return is["tagexec_results_waiting"] == 1 && is[`tagexec_database_errors_total{class="resources",operation="record"}`] >= 2
	})
	if ok, exists := is["tagexec_queue_scrape_ok"]; !exists || ok != 0 || is["tagexec_results_waiting_bytes"] < 1024 || is[`tagexec_database_errors_total{class="resources",operation="scrape"}`] < 1 {
		t.Errorf("%v", is)
	}
	for _, name := range []string{`tagexec_queue_pending{pool="default"}`, `tagexec_executors{state="alive"}`, "tagexec_batches_overdue"} {
		if _, exists := is[name]; exists {
			t.Errorf("%s looks like a new figure", name)
		}
	}
	q.fails.Store(nil)
	q.hangs.Store(true)
	if is := s.scrape(); is["tagexec_queue_scrape_ok"] != 0 || is["tagexec_workers"] != 4 {
		t.Errorf("%v", is)
	}
	q.hangs.Store(false)
	s.until("the queue again", func(is map[string]float64) bool {
		return is["tagexec_queue_scrape_ok"] == 1 && is["tagexec_results_waiting"] == 0
	})
}

func TestAStuckWorkerIsShown(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec(`INSERT INTO tagexec.tag_kinds (kind) VALUES ('test')`)
	st := db.Store()
	s := newScene(t, db, st)
	release := make(chan struct{})
	s.run(st, executor.Config{PollInterval: 20 * time.Millisecond}, func(context.Context, *store.Job) (executor.Report, error) {
		<-release
		return executor.Report{}, nil
	})
	db.Insert(storetest.Row{"kind": "test", "timeout_seconds": 1, "max_attempts": 1})
	s.until("a stuck worker", func(is map[string]float64) bool {
		return is["tagexec_workers_stuck"] == 1 && is["tagexec_workers_busy"] == 1
	})
	close(release)
	s.until("none any more", func(is map[string]float64) bool { return is["tagexec_workers_stuck"] == 0 })
}

// counted is a queue of which the reads are counted.
type counted struct{ reads atomic.Int64 }

func (q *counted) QueueNow(context.Context) (store.QueueNow, error) {
	q.reads.Add(1)
	return store.QueueNow{Pools: []store.PoolNow{{Pool: "default"}}}, nil
}

func TestManyScrapesAskTheDatabaseOnce(t *testing.T) {
	t.Parallel()
	q := &counted{}
	s := newScene(t, nil, q)
	for range 20 {
		families(t, s.url)
	}
	if n := q.reads.Load(); n != 1 {
		t.Errorf("the database was asked %d times", n)
	}
	s.scrape()
	if n := q.reads.Load(); n != 2 {
		t.Errorf("the database was asked %d times", n)
	}
}

// Whatever jobs are called, the number of series has a bound.
func TestLabelsAreBounded(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil, &counted{})
	job := func(i int) *store.Job {
		n := fmt.Sprint(i)
		batch := "batch " + n
		return &store.Job{Tag: "tag " + n, Kind: "kind " + n, Pool: "pool " + n, Batch: &batch}
	}
	for i := range 5000 {
		s.Ended([]executor.Ended{{Job: job(i), Outcome: store.Succeeded, Fate: store.Applied, Ran: 1, ErrorCode: fmt.Sprint(i)}})
		s.Failed("claim", &pgconn.PgError{Code: fmt.Sprintf("%05d", i)})
	}
	s.Ended([]executor.Ended{{Job: &store.Job{}, Outcome: store.Interrupted, Fate: store.Applied}})
	attempts, errs, known := 0, 0, []string{"class", "kind", "operation", "outcome", "pool", "result", "schema", "state", "version"}
	for name, family := range families(t, s.url) {
		if !strings.HasPrefix(name, "tagexec_") {
			continue
		}
		for _, m := range family.Metric {
			for _, l := range m.Label {
				if !slices.Contains(known, l.GetName()) {
					t.Errorf("%s has a label %s", name, l.GetName())
				}
			}
		}
		switch name {
		case "tagexec_attempts_total":
			attempts = len(family.Metric)
		case "tagexec_database_errors_total":
			errs = len(family.Metric)
		}
	}
	if attempts > store.MaxPoolsNow+10 || attempts < store.MaxPoolsNow {
		t.Errorf("%d series of attempts", attempts)
	}
	if errs > 8 {
		t.Errorf("%d series of errors", errs)
	}
	is := s.scrape()
	if other := is[`tagexec_attempts_total{kind="unknown",outcome="succeeded",pool="other"}`]; other < 4000 {
		t.Errorf("%v attempts of other pools", other)
	}
	if is[`tagexec_attempts_total{kind="unknown",outcome="interrupted",pool="unknown"}`] != 1 || is[`tagexec_attempt_wait_seconds_count{pool="unknown"}`] != 0 ||
		is[`tagexec_attempt_run_seconds_count{kind="unknown",pool="unknown"}`] != 0 {
		t.Error("an attempt whose claim was not answered is told wrongly")
	}
}

func TestErrorsHaveAClass(t *testing.T) {
	t.Parallel()
	server := func(code string) error { return fmt.Errorf("claim jobs: %w", &pgconn.PgError{Code: code}) }
	for want, list := range map[string][]error{
		"timeout":    {context.DeadlineExceeded, fmt.Errorf("x: %w", context.DeadlineExceeded), server("57014")},
		"connection": {&net.OpError{Op: "dial", Err: errors.New("refused")}, errors.New("conn closed"), server("08006")},
		"shutdown":   {server("57P01"), server("57P03"), server("25006")},
		"resources":  {server("53300"), server("53100")},
		"lock":       {server("40P01"), server("55P03")},
		"rights":     {server("42501"), server("28P01")},
		"other":      {server("XX001"), server("23505"), server("42P01")},
	} {
		for _, err := range list {
			if got := metrics.Class(err); got != want {
				t.Errorf("%v: %s, want %s", err, got, want)
			}
		}
	}
}
