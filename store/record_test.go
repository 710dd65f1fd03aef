package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// After River's SetsAJobWithCancelAttemptedAtToCancelled: a retry does not lose a cancel.
func TestRecordMovesTheJobToTheStateOfItsOutcome(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c := db.Claimer(store.Executor{})
	for _, tt := range []struct {
		name      string
		outcome   store.Outcome
		permanent bool
		set       string // of the running job
		want      string // state, failures, outcome of the attempt, error_code
	}{
		{"a success", store.Succeeded, false, "failures = 0", "succeeded 0 succeeded x"},
		{"a success with a cancel in flight stands", store.Succeeded, false, "cancel_requested_at = now()", "succeeded 0 succeeded x"},
		{"a failure with attempts left", store.Failed, false, "failures = 0", "pending 1 failed x"},
		{"the last failure", store.Failed, false, "max_attempts = 1", "failed 1 failed x"},
		{"a failure that is final", store.Failed, true, "failures = 0", "failed 1 failed x"},
		{"a failure with a cancel in flight", store.Failed, false, "cancel_requested_at = now()", "cancelled 0 cancelled x"},
		{"the last failure with a cancel in flight", store.Failed, true, "cancel_requested_at = now(), max_attempts = 1", "cancelled 0 cancelled x"},
		{"a timeout with attempts left", store.TimedOut, false, "failures = 0", "pending 1 timed_out x"},
		{"the last timeout", store.TimedOut, false, "max_attempts = 1", "failed 1 timed_out x"},
		{"a timeout with a cancel in flight", store.TimedOut, false, "cancel_requested_at = now()", "cancelled 0 cancelled x"},
		{"a cancel", store.Cancelled, false, "cancel_requested_at = now()", "cancelled 0 cancelled x"},
		{"a cancel that was taken back meanwhile", store.Cancelled, false, "failures = 0", "cancelled 0 cancelled x"},
		{"an interruption", store.Interrupted, false, "failures = 0", "pending 0 interrupted x"},
		{"an interruption of the last attempt", store.Interrupted, false, "max_attempts = 1", "pending 0 interrupted x"},
		{"an interruption with a cancel in flight", store.Interrupted, false, "cancel_requested_at = now()", "cancelled 0 cancelled x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db.Exec("TRUNCATE tagexec.tag_jobs, tagexec.tag_past_attempts")
			id := db.Insert(storetest.Row{})[0]
			job := c.MustClaim(t, 1)[0]
			db.Exec("UPDATE tagexec.tag_jobs SET "+tt.set+" WHERE id = $1", id)
			r := store.Result{Claim: job.Claim, Outcome: tt.outcome, Permanent: tt.permanent, ErrorCode: "x"}
			for _, want := range []store.Fate{store.Applied, store.Already, store.Already} {
				if fate := c.MustRecord(t, r)[0]; fate != want {
					t.Errorf("fate %s, want %s", fate, want)
				}
			}
			got := storetest.One[string](db, `SELECT concat_ws(' ', j.state, j.failures, a.outcome, j.error_code)
				FROM tagexec.tag_jobs j JOIN tagexec.tag_job_attempts a ON a.job_id = j.id AND a.attempt = j.attempt AND a.finished_at = j.finished_at AND a.started_at = j.started_at`)
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			storetest.CheckInvariants(t, db)
		})
	}
}

func TestRecordStoresAResultInTheJobAndItsAttempt(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c := db.Claimer(store.Executor{})
	db.Insert(storetest.Row{})
	rows, code := int64(12), int32(3)
	c.MustRecord(t, store.Result{Claim: c.MustClaim(t, 1)[0].Claim, Outcome: store.Failed, Delay: time.Hour, RowsAffected: &rows, ExitCode: &code,
		Value: json.RawMessage(`{"n": 1}`), ErrorCode: "exit_status", Error: "it broke", Output: "out ✓", OutputBytes: 99})
	got := storetest.One[string](db, `SELECT concat_ws(' ', j.rows_affected, j.exit_code, j.result, j.error_code, j.error,
		a.rows_affected, a.exit_code, a.error_code, a.error, a.output, a.output_bytes, a.hostname, j.run_at - j.finished_at, a.queued_at = j.created_at, a.executor_id = j.executor_id)
		FROM tagexec.tag_jobs j JOIN tagexec.tag_job_attempts a ON a.job_id = j.id`)
	if want := `12 3 {"n": 1} exit_status it broke 12 3 exit_status it broke out ✓ 99 test 01:00:00 t t`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	db.Exec("UPDATE tagexec.tag_jobs SET run_at = now()")
	c.End(t, store.Succeeded, c.MustClaim(t, 1)...)
	if got := storetest.One[int](db, "SELECT num_nulls(rows_affected, exit_code, result, error_code, error) FROM tagexec.tag_jobs"); got != 5 {
		t.Errorf("the next attempt left %d values of the last one", 5-got)
	}
}

// After River's JobThatIsAlreadyCompletedIsNotAlteredByCompleter, …AlreadyDiscarded… and JobThatIsCompletedManuallyIsNotTouchedByCompleter.
func TestRecordRefusesAllButTheHolderOfTheClaim(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c := db.Claimer(store.Executor{})
	list := db.Insert(make([]storetest.Row, 6)...)
	jobs := c.MustClaim(t, 6)
	mine := func(i int, change func(*store.Claim)) store.Result {
		r := store.Result{Claim: jobs[i].Claim, Outcome: store.Succeeded}
		change(&r.Claim)
		return r
	}
	db.Exec("DELETE FROM tagexec.tag_jobs WHERE id = $1", list[4])
	tx, err := db.Conn().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "SELECT FROM tagexec.tag_jobs WHERE id = $1 FOR UPDATE", list[5]); err != nil {
		t.Fatal(err)
	}
	results := []store.Result{
		mine(0, func(*store.Claim) {}),
		mine(1, func(c *store.Claim) { c.Attempt = 2 }),
		mine(2, func(c *store.Claim) { c.Attempt = 0 }),
		mine(3, func(c *store.Claim) { c.Executor = uuid.New() }),
		mine(4, func(*store.Claim) {}),
		mine(5, func(*store.Claim) {}),
		mine(0, func(c *store.Claim) { c.ID = 1 << 60 }),
	}
	want := []store.Fate{store.Applied, store.Refused, store.Refused, store.Refused, store.Missing, store.Locked, store.Missing}
	if got := c.MustRecord(t, results...); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("fates %v, want %v", got, want)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	want[0], want[5] = store.Already, store.Applied
	if got := c.MustRecord(t, results...); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("fates of the repeat %v, want %v", got, want)
	}
	if got := fmt.Sprint(storetest.All[string](db, "SELECT state FROM tagexec.tag_jobs ORDER BY id")); got != "[succeeded running running running succeeded]" {
		t.Errorf("states %s", got)
	}
}

// Successes of first attempts are recorded by a statement of their own, which has the same fence.
func TestRecordOfAFirstSuccessRefusesAnotherExecutor(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c := db.Claimer(store.Executor{})
	db.Insert(storetest.Row{}, storetest.Row{})
	jobs := c.MustClaim(t, 2)
	foreign := jobs[1].Claim
	foreign.Executor = uuid.New()
	fates := c.MustRecord(t, store.Result{Claim: jobs[0].Claim, Outcome: store.Succeeded}, store.Result{Claim: foreign, Outcome: store.Succeeded})
	if want := []store.Fate{store.Applied, store.Refused}; !slices.Equal(fates, want) {
		t.Errorf("fates %v, want %v", fates, want)
	}
}

// breaking is a database that answers so many queries.
type breaking struct {
	*pgxpool.Pool
	left int
}

func (b *breaking) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if b.left--; b.left < 0 {
		return nil, errors.New("the connection is gone")
	}
	return b.Pool.Query(ctx, sql, args...)
}

func TestRecordAsksTwiceBeforeAResultIsLost(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c := db.Claimer(store.Executor{})
	db.Insert(storetest.Row{}, storetest.Row{})
	jobs := c.MustClaim(t, 2)
	late := jobs[1].Claim
	late.Attempt++
	results := []store.Result{{Claim: jobs[0].Claim, Outcome: store.Succeeded}, {Claim: late, Outcome: store.Succeeded}}
	for answers, want := range [][]store.Fate{{"", ""}, {store.Applied, ""}, {store.Already, store.Refused}} {
		fates, err := store.RecordOn(t.Context(), &breaking{db.Pool, answers}, results)
		if !slices.Equal(fates, want) || (err == nil) != (answers == 2) {
			t.Errorf("after %d answers the fates are %q, error %v; want %q", answers, fates, err, want)
		}
	}
}

func TestRecordChangesNothingByALateResultOfAnEarlierAttempt(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c, other := db.Claimer(store.Executor{}), db.Claimer(store.Executor{})
	db.Insert(storetest.Row{})
	first := c.MustClaim(t, 1)[0]
	c.End(t, store.Interrupted, first)
	second := other.MustClaim(t, 1)[0]
	late := store.Result{Claim: first.Claim, Outcome: store.Succeeded}
	// The late one and the present one may come in one batch.
	fates := c.MustRecord(t, late, store.Result{Claim: second.Claim, Outcome: store.Failed}, late)
	if fates[0] != store.Already || fates[1] != store.Applied {
		t.Errorf("fates %v", fates)
	}
	if got := db.State(first.ID); got != "pending" {
		t.Errorf("the job is %s", got)
	}
}

func TestRecordStoresTheSameResultsFromFourSidesOnce(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c := db.Claimer(store.Executor{})
	db.Exec("INSERT INTO tagexec.tag_jobs (tag) SELECT 't' FROM generate_series(1, 500)")
	jobs := c.MustClaim(t, 500)
	var g errgroup.Group
	applied := make([]int, 4)
	for i := range applied {
		g.Go(func() error {
			left := make([]store.Result, len(jobs))
			for k, j := range jobs { // two of them from behind
				left[k] = store.Result{Claim: j.Claim, Outcome: store.Failed}
				if i%2 == 1 {
					left[k] = store.Result{Claim: jobs[len(jobs)-1-k].Claim, Outcome: store.Failed}
				}
			}
			for len(left) > 0 {
				fates, err := c.Record(t.Context(), left)
				if err != nil {
					return err
				}
				var again []store.Result
				for k, fate := range fates {
					switch fate {
					case store.Applied:
						applied[i]++
					case store.Locked:
						again = append(again, left[k])
					case store.Already:
					default:
						return fmt.Errorf("fate %s", fate)
					}
				}
				left = again
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if sum := applied[0] + applied[1] + applied[2] + applied[3]; sum != 500 {
		t.Errorf("applied %v", applied)
	}
}

// After River's NonRetryableCompletionFailureDoesNotRequeueBatch.
func TestRecordKeepsAPoisonResultFromTheOthers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		poison func(*store.Result)
	}{
		{"a NUL in the result", func(r *store.Result) { r.Value = json.RawMessage(`{"a": "\u0000"}`) }},
		{"half a surrogate pair", func(r *store.Result) { r.Value = json.RawMessage(`{"a": "\ud800"}`) }},
		{"no JSON", func(r *store.Result) { r.Value = json.RawMessage(`{`) }},
		{"a number beyond numeric", func(r *store.Result) { r.Value = json.RawMessage(`1e400000`) }},
		{"a few bytes that are megabytes of text", func(r *store.Result) {
			r.Value = json.RawMessage(`[1e131071, 1e131071, 1e131071, 1e131071, 1e131071, 1e131071, 1e131071, 1e131071, 1e131071]`)
		}},
		{"deep nesting", func(r *store.Result) {
			r.Value = json.RawMessage(strings.Repeat("[", 200000) + strings.Repeat("]", 200000))
		}},
		{"a NUL in the output", func(r *store.Result) { r.Output = "a\x00b" }},
		{"broken UTF-8 in the error", func(r *store.Result) { r.Error = "\xff" }},
		{"an unknown outcome", func(r *store.Result) { r.Outcome = "exploded" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			c := db.Claimer(store.Executor{})
			db.Exec("INSERT INTO tagexec.tag_jobs (tag) SELECT 't' FROM generate_series(1, 500)")
			var results []store.Result
			for _, j := range c.MustClaim(t, 500) {
				results = append(results, store.Result{Claim: j.Claim, Outcome: store.Succeeded, Value: json.RawMessage(`{"ok": true}`)})
			}
			tt.poison(&results[137])
			fates, err := c.Record(t.Context(), results)
			if tt.name == "an unknown outcome" {
				if err != nil || fates[137] != store.Unwritten {
					t.Errorf("fate %q, error %v", fates[137], err)
				}
				results[137].Outcome = store.Succeeded
				fates[137] = c.MustRecord(t, results[137])[0]
			}
			if err != nil {
				t.Fatal(err)
			}
			for i, fate := range fates {
				if fate != store.Applied {
					t.Fatalf("result %d: fate %q", i, fate)
				}
			}
			want := `499 succeeded {"ok": true}` + ", 1 succeeded unstorable"
			if tt.name == "an unknown outcome" {
				want = `500 succeeded {"ok": true}`
			}
			if got := storetest.One[string](db, `SELECT string_agg(s, ', ' ORDER BY s DESC) FROM
				(SELECT concat_ws(' ', count(*), state, result, error_code) s FROM tagexec.tag_jobs GROUP BY state, result, error_code) g`); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestRunningReturnsWhatTheDatabaseAscribesToTheExecutor(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c, other := db.Claimer(store.Executor{}), db.Claimer(store.Executor{})
	db.Insert(make([]storetest.Row, 4)...)
	jobs, others := c.MustClaim(t, 2), other.MustClaim(t, 1)
	db.Exec("UPDATE tagexec.tag_jobs SET cancel_requested_at = now() WHERE id = $1", jobs[1].ID)
	running, err := c.Running(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[store.Claim]bool{}
	for _, r := range running {
		seen[r.Claim] = r.Cancel
	}
	if cancel, there := seen[jobs[0].Claim]; len(seen) != 2 || !there || cancel || !seen[jobs[1].Claim] {
		t.Errorf("running %+v beside %+v", running, others)
	}
}

// A rerun of an old job must not bring a new time among the old ones of tag_jobs, in
// whose order history is found.
func TestRecordWritesLaterAttemptsBesideTheirJob(t *testing.T) {
	t.Parallel()
	for _, outcome := range []store.Outcome{store.Succeeded, store.Failed, store.Cancelled} {
		db := storetest.New(t)
		c := db.Claimer(store.Executor{})
		db.Insert(storetest.Row{"max_attempts": 1, "tag": "then"})
		c.MustRecord(t, store.Result{Claim: c.MustClaim(t, 1)[0].Claim, Outcome: outcome, Output: "first", OutputBytes: 5, QueryID: "q1"})
		shown := `SELECT concat_ws(' ', attempt_is_past, last_output, last_query_id, (SELECT count(*) FROM tagexec.tag_past_attempts)) FROM tagexec.tag_jobs`
		storetest.Check(t, "after the first attempt", storetest.One[string](db, shown), "f first q1 0")
		db.Exec("SELECT tagexec.retry_job(id) FROM tagexec.tag_jobs")
		db.Exec("UPDATE tagexec.tag_jobs SET tag = 'now'")
		storetest.Check(t, "to be done again", storetest.One[string](db, shown), "t 1")
		c.MustRecord(t, store.Result{Claim: c.MustClaim(t, 1)[0].Claim, Outcome: outcome, Output: "second", OutputBytes: 6, QueryID: "q2"})
		storetest.Check(t, "after the second attempt", storetest.One[string](db, shown), "t 2")
		storetest.Check(t, "history", storetest.All[string](db, "SELECT concat_ws(' ', attempt, outcome, output, output_bytes, query_id, tag) FROM tagexec.attempts ORDER BY attempt"),
			fmt.Sprintf("[1 %[1]s first 5 q1 then 2 %[1]s second 6 q2 now]", outcome))
	}
}
