package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// race is one row on which two verbs meet.
type race struct {
	t        *testing.T
	db       *storetest.DB
	store    *store.Store
	id       int64
	executor uuid.UUID
}

// raceVerbs are what may meet. Each returns what it told its caller; record and
// reap pass over a locked row and are called again in the end.
var raceVerbs = map[string]func(r *race, ctx context.Context) (string, error){
	"cancel_job": func(r *race, ctx context.Context) (string, error) { return r.call(ctx, "tagexec.cancel_job($1)") },
	"retry_job":  func(r *race, ctx context.Context) (string, error) { return r.call(ctx, "tagexec.retry_job($1)") },
	"retry_batch": func(r *race, ctx context.Context) (string, error) {
		return r.call(ctx, "tagexec.retry_batch(left('b', $1::int))")
	},
	"record":           func(r *race, ctx context.Context) (string, error) { return r.record(ctx, store.Failed) },
	"record a success": func(r *race, ctx context.Context) (string, error) { return r.record(ctx, store.Succeeded) },
	"reap": func(r *race, ctx context.Context) (string, error) {
		reaped, err := r.store.Reap(ctx, time.Hour)
		return fmt.Sprint(reaped.Jobs), err
	},
}

func (r *race) call(ctx context.Context, function string) (answer string, err error) {
	return answer, r.db.Pool.QueryRow(ctx, "SELECT "+function+"::text", r.id).Scan(&answer)
}

func (r *race) record(ctx context.Context, outcome string) (string, error) {
	fates, err := r.store.Record(ctx, "", []store.Result{{Claim: store.Claim{ID: r.id, Attempt: 1, Executor: r.executor}, Outcome: outcome, Delay: time.Hour}})
	return string(fates[0]), err
}

// begin makes the row: running, and with cancel being cancelled.
func (r *race) begin(cancel bool) {
	r.db.Exec("TRUNCATE tagexec.tag_jobs, tagexec.tag_job_attempts")
	r.db.Exec("DELETE FROM tagexec.tag_executors") // a reap takes ten
	r.executor = r.db.Executor()
	expire(r.db, r.executor)
	row := running(r.executor)
	row["batch"] = "b"
	if cancel {
		row["cancel_requested_at"] = time.Now()
	}
	r.id = r.db.Insert(row)[0]
}

func (r *race) row() string {
	r.t.Helper()
	return storetest.One[string](r.db, `SELECT concat_ws(' ', state, attempt, failures, crashes, error_code, cancel_requested_at IS NOT NULL, retry_request,
		(SELECT string_agg(concat_ws(' ', outcome, error_code), ',') FROM tagexec.tag_job_attempts), run_at > now() + interval '1 min',
		(SELECT reaped_at IS NOT NULL FROM tagexec.tag_executors WHERE id = executor_id)) FROM tagexec.tag_jobs`)
}

// Two verbs that meet on one row come to what they come to one after the other
// in the order in which they got the row.
func TestVerbsThatRaceOnOneRowComeToTheSameAsInTurn(t *testing.T) {
	t.Parallel()
	for name, cancel := range map[string]bool{"running": false, "being cancelled": true} {
		for first := range raceVerbs {
			t.Run(name+": "+first, func(t *testing.T) {
				t.Parallel()
				r := &race{t: t, db: storetest.New(t)}
				r.store = r.db.Store()
				for second := range raceVerbs {
					r.begin(cancel)
					inTurn := [2]string{}
					for i, verb := range []string{first, second} {
						var err error
						if inTurn[i], err = raceVerbs[verb](r, t.Context()); err != nil {
							t.Fatal(err)
						}
					}
					want := fmt.Sprint(r.row(), " ", inTurn)
					r.begin(cancel)
					answers := r.settle([2]string{first, second}, r.meet(first, second))
					if got := fmt.Sprint(r.row(), " ", answers); got != want {
						t.Errorf("%s holds the row, then %s:\ngot  %s\nwant %s", first, second, got, want)
					}
					storetest.CheckInvariants(t, r.db)
				}
			})
		}
	}
}

// meet runs first until it holds the row, then second, lets both end, and
// returns their answers. A first verb that has nothing to do holds nothing.
func (r *race) meet(first, second string) (answers [2]string) {
	r.t.Helper()
	ctx := r.t.Context()
	gate := r.gate()
	var g errgroup.Group
	start := func(i int, verb string) (ended chan struct{}) {
		ended = make(chan struct{})
		g.Go(func() (err error) {
			defer close(ended)
			answers[i], err = raceVerbs[verb](r, ctx)
			return err
		})
		return ended
	}
	meets := func(waiting int, ended chan struct{}) {
		r.t.Helper()
		storetest.Eventually(r.t, "a verb waits or has ended", func() bool {
			select {
			case <-ended:
				return true
			default:
				return r.db.Waiting() == waiting
			}
		})
	}
	ended := start(0, first)
	meets(1, ended)
	select {
	case <-ended:
	default:
		meets(2, start(1, second))
	}
	if err := gate.Rollback(ctx); err != nil {
		r.t.Fatal(err)
	}
	if err := g.Wait(); err != nil {
		r.t.Fatalf("%s, %s: %v", first, second, err)
	}
	return answers
}

// gate keeps a verb waiting for the number of the attempt or the action that it
// puts on record when it has written the job.
func (r *race) gate() pgx.Tx {
	r.t.Helper()
	tx, err := r.db.Pool.Begin(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := tx.Exec(r.t.Context(), `INSERT INTO tagexec.tag_job_attempts (job_id, attempt, executor_id, hostname, queued_at, started_at, finished_at, outcome)
		SELECT id, 1, executor_id, '', now(), now(), now(), 'lost' FROM tagexec.tag_jobs`); err != nil {
		r.t.Fatal(err)
	}
	if _, err := tx.Exec(r.t.Context(), `INSERT INTO tagexec.tag_operator_actions (id, action) OVERRIDING SYSTEM VALUE
		SELECT last_value + is_called::int, '' FROM tagexec.tag_operator_actions_id_seq`); err != nil {
		r.t.Fatal(err)
	}
	return tx
}

// settle calls verbs again that passed over the locked row.
func (r *race) settle(verbs [2]string, answers [2]string) [2]string {
	r.t.Helper()
	for i, verb := range verbs {
		if answers[i] == "locked" || verb == "reap" && answers[i] == "0" || answers[i] == "" {
			var err error
			if answers[i], err = raceVerbs[verb](r, r.t.Context()); err != nil {
				r.t.Fatal(err)
			}
		}
	}
	return answers
}
