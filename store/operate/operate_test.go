package operate_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tagexec/tagexec/store/operate"
	"github.com/tagexec/tagexec/store/report"
	"github.com/tagexec/tagexec/store/storetest"
)

var order = operate.Order{Reason: "why", UIUser: "olu@desk", BulkID: "00000000-0000-0000-0000-00000000000b", Filter: "--state failed"}

func open(t *testing.T, url string) *operate.Actor {
	t.Helper()
	a, err := operate.Open(operate.Config{URL: url, Application: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// verbs are all of them, on a database with job 1 of batch b.
func verbs(db *storetest.DB, executor string) map[string]func(context.Context, *operate.Actor) error {
	four := 4
	jobs := operate.Selection{IDs: []int64{1}, States: []string{"pending", "cancelled"}, By: time.Now().Add(time.Hour)}
	return map[string]func(context.Context, *operate.Actor) error{
		"cancel_jobs": func(ctx context.Context, a *operate.Actor) error {
			_, err := a.CancelJobs(ctx, jobs, order)
			return err
		},
		"retry_jobs": func(ctx context.Context, a *operate.Actor) error { _, err := a.RetryJobs(ctx, jobs, order); return err },
		"cancel_batch": func(ctx context.Context, a *operate.Actor) error {
			_, err := a.CancelBatch(ctx, "b", order)
			return err
		},
		"retry_batch": func(ctx context.Context, a *operate.Actor) error {
			_, err := a.RetryBatch(ctx, "b", "failed", order)
			return err
		},
		"set_batch_priority": func(ctx context.Context, a *operate.Actor) error {
			_, err := a.SetBatchPriority(ctx, "b", 9, order)
			return err
		},
		"create_pool": func(ctx context.Context, a *operate.Actor) error { return a.CreatePool(ctx, "new", &four, "d", order) },
		"set slots":   func(ctx context.Context, a *operate.Actor) error { return a.SetSlots(ctx, "default", &four, order) },
		"pause":       func(ctx context.Context, a *operate.Actor) error { return a.SetPaused(ctx, "default", true, order) },
		"drain_executor": func(ctx context.Context, a *operate.Actor) error {
			_, err := a.DrainExecutor(ctx, executor, order)
			return err
		},
	}
}

func TestOperatorsMayAndItIsOnRecord(t *testing.T) {
	t.Parallel()
	for name := range verbs(nil, "") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			db.Insert(storetest.Row{"batch": "b"})
			if name == "retry_jobs" || name == "retry_batch" {
				db.Exec("SELECT tagexec.cancel_job(1)")
			}
			do := verbs(db, db.Executor().String())[name]
			_, viewer := db.Login("tagexec_viewer")
			var refused *report.RefusedError
			if err := do(t.Context(), open(t, viewer)); !errors.As(err, &refused) || refused.Role != "tagexec_operator" {
				t.Errorf("a viewer: %v", err)
			}
			_, operator := db.Login("tagexec_operator")
			if err := do(t.Context(), open(t, operator)); err != nil {
				t.Error(err)
			}
			const onRecord = "SELECT concat_ws('|', reason, ui_user, bulk_id, filter) FROM tagexec.tag_operator_actions ORDER BY id DESC LIMIT 1"
			if got := storetest.One[string](db, onRecord); got != "why|olu@desk|00000000-0000-0000-0000-00000000000b|--state failed" {
				t.Errorf("on record is %s", got)
			}
		})
	}
}

// Between the look at jobs and the act others may have changed them.
func TestJobsThatHaveGoneOnAreNotTouched(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	ids := db.Insert(storetest.Row{}, storetest.Row{}, storetest.Row{})
	db.Exec("SELECT tagexec.cancel_jobs($1)", ids[:2])
	by := storetest.One[time.Time](db, "SELECT clock_timestamp()")
	db.Exec("SELECT tagexec.retry_job($1)", ids[1])
	db.Exec("SELECT tagexec.cancel_job($1)", ids[1]) // as it was, but later
	a := open(t, db.URL)
	failed := operate.Selection{IDs: ids, States: []string{"failed", "cancelled"}, By: by}
	if n, err := a.RetryJobs(t.Context(), failed, operate.Order{}); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	for i, want := range []string{"pending", "cancelled", "pending"} {
		if got := db.State(ids[i]); got != want {
			t.Errorf("job %d is %s, want %s", i, got, want)
		}
	}
	if n := storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_operator_actions WHERE reason IS NOT NULL OR ui_user IS NOT NULL OR bulk_id IS NOT NULL OR filter IS NOT NULL"); n != 0 {
		t.Errorf("an empty order left %d notes", n)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	a := open(t, db.URL)
	var missing *report.MissingError
	if _, err := a.RetryBatch(t.Context(), "none", "failed", order); !errors.As(err, &missing) || err.Error() != `there is no batch "none"` {
		t.Errorf("got %v", err)
	}
	if err := a.SetPaused(t.Context(), "none", true, order); !errors.As(err, &missing) {
		t.Errorf("got %v", err)
	}
	if err := a.CreatePool(t.Context(), "default", nil, "", order); !errors.Is(err, operate.ErrPoolExists) {
		t.Errorf("got %v", err)
	}
}
