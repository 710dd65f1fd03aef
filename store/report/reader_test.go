package report_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/report"
	"github.com/tagexec/tagexec/store/storetest"
)

// open returns a reader that is patient: a machine that is busy with tests may be slow.
func open(t *testing.T, url string) *report.Reader {
	t.Helper()
	return openAsUsual(t, url).Within(time.Minute)
}

func openAsUsual(t *testing.T, url string) *report.Reader {
	t.Helper()
	r, err := report.Open(report.Config{URL: url, Application: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// run is a job of every table that questions read: it failed once and runs again.
func run(db *storetest.DB, batch string) int64 {
	executor := db.Executor()
	id := db.Insert(storetest.Row{"tag": "a", "batch": batch})[0]
	db.Exec(`UPDATE tagexec.tag_jobs SET state = 'running', attempt = 2, failures = 1, executor_id = $2, started_at = now(), deadline_at = now() + interval '1 hour', attempt_is_past = true WHERE id = $1`, id, executor)
	db.Exec(`INSERT INTO tagexec.tag_past_attempts (job_id, executor_id, queued_at, started_at, finished_at, attempt, hostname, outcome, error_code, error, output, output_bytes, tag, kind, pool, slots, batch)
	         SELECT id, executor_id, created_at, created_at, now(), 1, 'h', 'failed', 'x', 'broken', 'said', 4, tag, kind, pool, slots, batch FROM tagexec.tag_jobs WHERE id = $1`, id)
	return id
}

// Every question, of a reader.
func questions(r *report.Reader, job int64, batch string) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"jobs by number": func(ctx context.Context) error { _, err := r.Jobs(ctx, report.JobFilter{}, nil, 50); return err },
		"jobs looked for": func(ctx context.Context) error {
			_, err := r.Jobs(ctx, report.JobFilter{Error: "none such"}, nil, 50)
			return err
		},
		"jobs of a tag": func(ctx context.Context) error {
			_, err := r.Jobs(ctx, report.JobFilter{Tag: "a", States: []string{"succeeded"}}, nil, 50)
			return err
		},
		"failed jobs": func(ctx context.Context) error {
			_, err := r.Jobs(ctx, report.JobFilter{States: []string{"failed"}, Since: time.Now().Add(-time.Hour)}, nil, 50)
			return err
		},
		"pending jobs": func(ctx context.Context) error {
			_, err := r.Jobs(ctx, report.JobFilter{States: []string{"pending"}}, nil, 50)
			return err
		},
		"running jobs": func(ctx context.Context) error {
			_, err := r.Jobs(ctx, report.JobFilter{States: []string{"running"}}, nil, 50)
			return err
		},
		"jobs of a range": func(ctx context.Context) error {
			_, err := r.Jobs(ctx, report.JobFilter{BizDate: "2026-11-22", Executor: "00000000-0000-0000-0000-000000000001", CreatedSince: time.Now().Add(-time.Hour), CreatedUntil: time.Now()}, nil, 50)
			return err
		},
		"failed jobs of a range": func(ctx context.Context) error {
			_, err := r.Jobs(ctx, report.JobFilter{States: []string{"failed"}, Until: time.Now().Add(-time.Hour)}, nil, 50)
			return err
		},
		"usual run time": func(ctx context.Context) error { _, err := r.UsualSeconds(ctx, "a"); return err },
		"sharers":        func(ctx context.Context) error { _, err := r.Sharers(ctx, "k1", 20); return err },
		"jobs of a batch": func(ctx context.Context) error {
			_, err := r.Jobs(ctx, report.JobFilter{Batch: batch}, nil, 50)
			return err
		},
		"job":         func(ctx context.Context) error { _, err := r.JobDetail(ctx, job); return err },
		"explanation": func(ctx context.Context) error { _, err := r.Explanation(ctx, job); return err },
		"attempts":    func(ctx context.Context) error { _, err := r.Attempts(ctx, job); return err },
		"batches":     func(ctx context.Context) error { _, err := r.Batches(ctx, report.BatchFilter{}, nil, 20); return err },
		"late batches": func(ctx context.Context) error {
			_, err := r.Batches(ctx, report.BatchFilter{Late: true}, nil, 20)
			return err
		},
		"batch":     func(ctx context.Context) error { _, err := r.Batch(ctx, batch); return err },
		"causes":    func(ctx context.Context) error { _, err := r.Causes(ctx, batch, 10); return err },
		"runs":      func(ctx context.Context) error { _, err := r.Runs(ctx, batch, report.Span{}, 2000); return err },
		"slow runs": func(ctx context.Context) error { _, err := r.SlowRuns(ctx, batch, 10); return err },
		"stretches": func(ctx context.Context) error {
			_, err := r.Stretches(ctx, time.Now().Add(-24*time.Hour), 15)
			return err
		},
		"blockers":          func(ctx context.Context) error { _, err := r.Blockers(ctx, 0); return err },
		"rights":            func(ctx context.Context) error { _, err := r.Rights(ctx); return err },
		"pace":              func(ctx context.Context) error { _, err := r.Pace(ctx); return err },
		"pools":             func(ctx context.Context) error { _, err := r.Pools(ctx); return err },
		"lanes":             func(ctx context.Context) error { _, err := r.Lanes(ctx, "default"); return err },
		"batches in a pool": func(ctx context.Context) error { _, err := r.BatchesInPool(ctx, "default", 10); return err },
		"pauses":            func(ctx context.Context) error { _, err := r.Pauses(ctx); return err },
		"executors":         func(ctx context.Context) error { _, err := r.Executors(ctx, true, 1000); return err },
		"actions":           func(ctx context.Context) error { _, err := r.Actions(ctx, report.ActionFilter{}, 0, 50); return err },
		"actions on a job": func(ctx context.Context) error {
			_, err := r.Actions(ctx, report.ActionFilter{Job: job}, 0, 50)
			return err
		},
		"actions on a batch": func(ctx context.Context) error {
			_, err := r.Actions(ctx, report.ActionFilter{Batch: batch}, 0, 50)
			return err
		},
		"waits":  func(ctx context.Context) error { _, err := r.Waits(ctx, batch); return err },
		"states": func(ctx context.Context) error { _, err := r.JobStates(ctx, []int64{job}); return err },
		"all failed jobs": func(ctx context.Context) error {
			_, err := r.Jobs(ctx, report.JobFilter{States: []string{"failed"}}, nil, 50)
			return err
		},
		"tags": func(ctx context.Context) error { _, err := r.Tags(ctx, "", 50); return err },
		"ended executors": func(ctx context.Context) error {
			_, err := r.ExecutorsEnded(ctx, nil, 50)
			return err
		},
		"executors that ended": func(ctx context.Context) error {
			_, err := r.Ended(ctx, time.Now().Add(-time.Hour))
			return err
		},
		"business dates of tags": func(ctx context.Context) error {
			_, err := r.TagDates(ctx, []string{"a", "tag 1"})
			return err
		},
		"runs of a tag": func(ctx context.Context) error {
			_, err := r.TagRuns(ctx, "a", 50)
			return err
		},
		"actions on a pool": func(ctx context.Context) error {
			_, err := r.Actions(ctx, report.ActionFilter{Pool: "default"}, 0, 50)
			return err
		},
		"pauses and resumptions": func(ctx context.Context) error {
			_, err := r.PauseChanges(ctx, []string{"default"})
			return err
		},
		"batches of a dag": func(ctx context.Context) error {
			_, err := r.Batches(ctx, report.BatchFilter{DagID: "d", CreatedSince: time.Now().Add(-time.Hour), CreatedUntil: time.Now()}, nil, 20)
			return err
		},
		"tag history": func(ctx context.Context) error {
			_, err := r.TagHistory(ctx, "a", time.Now().AddDate(0, 0, -30), time.Now(), report.TagAttempts)
			return err
		},
		"failures":    func(ctx context.Context) error { _, err := r.Failures(ctx, "2026-11-22", 50); return err },
		"batch names": func(ctx context.Context) error { _, err := r.BatchNames(ctx, "b"); return err },
		"pool names":  func(ctx context.Context) error { _, err := r.PoolNames(ctx, "d"); return err },
		"kind names":  func(ctx context.Context) error { _, err := r.KindNames(ctx, "s"); return err },
		"tag names":   func(ctx context.Context) error { _, err := r.TagNames(ctx, "a"); return err },
	}
}

// ofViewers are questions that an analyst may not ask.
func ofViewers(r *report.Reader, job int64) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"output": func(ctx context.Context) error { _, _, err := r.Output(ctx, job, 0); return err },
		"jobs by payload": func(ctx context.Context) error {
			_, err := r.Jobs(ctx, report.JobFilter{Payload: &report.InPayload{Path: []string{"a", "b"}, Value: "x"}}, nil, 50)
			return err
		},
		"standing":    func(ctx context.Context) error { _, err := r.Standing(ctx, job); return err },
		"live output": func(ctx context.Context) error { _, err := r.Chunks(ctx, job, 2, 0); return err },
		"watch":       func(ctx context.Context) error { _, err := r.Watch(ctx, job); return err },
	}
}

func TestAnalystsMayAskAllButWhatIsOnlyInTheTables(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	job := run(db, "b")
	for _, role := range []string{"tagexec_analyst", "tagexec_viewer", "tagexec_operator"} {
		_, url := db.Login(role)
		r := open(t, url)
		for name, ask := range questions(r, job, "b") {
			if err := ask(t.Context()); err != nil {
				t.Errorf("%s: %s: %v", role, name, err)
			}
		}
		for name, ask := range ofViewers(r, job) {
			var refused *report.RefusedError
			switch err := ask(t.Context()); {
			case role != "tagexec_analyst" && err != nil:
				t.Errorf("%s: %s: %v", role, name, err)
			case role == "tagexec_analyst" && (!errors.As(err, &refused) || refused.Role != "tagexec_viewer"):
				t.Errorf("%s: %s: %v", role, name, err)
			}
		}
		job, err := r.JobDetail(t.Context(), job)
		if withheld := role == "tagexec_analyst"; err != nil || (job.Withheld != nil) != withheld || (job.Payload == nil) != withheld {
			t.Errorf("%s: payload %s, withheld %v, %v", role, job.Payload, job.Withheld, err)
		}
	}
	// Who is in no role hears of the one that would do.
	_, url := db.Login("")
	for name, ask := range questions(open(t, url), job, "b") {
		var refused *report.RefusedError
		if err := ask(t.Context()); !errors.As(err, &refused) || refused.Role != "tagexec_analyst" || store.Unreachable(err) {
			t.Errorf("nobody: %s: %v", name, err)
		}
	}
}

// A question that waits gives up, and changes nothing meanwhile.
func TestAQuestionEndsInTime(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	tx, err := db.Conn().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "LOCK TABLE tagexec.tag_jobs IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	r := open(t, db.URL).Within(50 * time.Millisecond)
	var slow *report.SlowError
	if _, err := r.Jobs(t.Context(), report.JobFilter{}, nil, 1); !errors.As(err, &slow) {
		t.Errorf("got %v", err)
	}
	if _, err := openAsUsual(t, db.URL).Pools(t.Context()); !errors.As(err, &slow) || slow.Limit != 800*time.Millisecond {
		t.Errorf("got %v", err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Within(time.Minute).Jobs(t.Context(), report.JobFilter{}, nil, 1); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	r := open(t, db.URL)
	_, _, outputErr := r.Output(t.Context(), 42, 0)
	_, jobErr := r.JobDetail(t.Context(), 42)
	_, explanationErr := r.Explanation(t.Context(), 42)
	_, batchErr := r.Batch(t.Context(), "none")
	_, waitsErr := r.Waits(t.Context(), "none")
	_, watchErr := r.Watch(t.Context(), 43)
	_, standingErr := r.Standing(t.Context(), 44)
	for err, want := range map[error]string{
		jobErr: "there is no job 42: it was pruned or never existed", batchErr: `there is no batch "none"`, waitsErr: `there is no batch "none"`,
		watchErr: "there is no job 43: it was pruned or never existed", standingErr: "there is no job 44: it was pruned or never existed",
	} {
		var missing *report.MissingError
		if !errors.As(err, &missing) || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if outputErr != nil || explanationErr == nil {
		t.Errorf("got %v, %v", outputErr, explanationErr)
	}
	empty := storetest.Empty(t)
	var schema *store.SchemaError
	if err := open(t, empty.URL).CheckSchema(t.Context()); !errors.As(err, &schema) {
		t.Errorf("got %v", err)
	}
	if err := r.CheckSchema(t.Context()); err != nil {
		t.Error(err)
	}
}

// Who may not write cannot watch, and a standby shows nothing that is not in its log.
func TestWatchingNeedsThePrimary(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	job := run(db, "b")
	name, url := db.Login("tagexec_viewer")
	db.Exec("ALTER ROLE " + name + " SET default_transaction_read_only = on")
	var primary *report.PrimaryError
	if _, err := open(t, url).Watch(t.Context(), job); !errors.As(err, &primary) {
		t.Errorf("got %v", err)
	}
}
