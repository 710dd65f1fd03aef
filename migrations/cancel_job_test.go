package migrations_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestCancelJobEndsAPendingJobAndAsksARunningOneToStop(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c := db.Claimer(store.Executor{})
	cancelled := running(c.ID)
	cancelled["cancel_requested_at"] = time.Now()
	retried := running(c.ID)
	retried["cancel_requested_at"], retried["retry_request"] = time.Now(), "{}"
	const before = `{"state": "running"} -> {"asked_to_stop": true}`
	for _, tt := range []struct {
		name   string
		id     int64
		did    bool
		line   string
		action string // without name and id
	}{
		{"pending", db.Insert(storetest.Row{})[0], true, "cancelled 0 0 0 2 t", `why {"state": "pending"} -> {"state": "cancelled"}`},
		{"running", db.Insert(running(c.ID))[0], true, "running 1 0 0 1 f", "why " + before},
		{"already being cancelled", db.Insert(cancelled)[0], false, "running 1 0 0 1 f", ""},
		{"being cancelled with a retry behind it", db.Insert(retried)[0], true, "running 1 0 0 1 f", "why " + before},
		{"succeeded", ended(db, nil, "succeeded", c.ID), false, "succeeded 1 0 1 5 t", ""},
		{"failed", ended(db, nil, "failed", c.ID), false, "failed 1 1 1 5 t", ""},
		{"cancelled", ended(db, nil, "cancelled", c.ID), false, "cancelled 1 0 1 5 t", ""},
	} {
		done := len(actions(db))
		storetest.Check(t, tt.name, storetest.One[bool](db, "SELECT tagexec.cancel_job($1, 'why')", tt.id), tt.did)
		storetest.Check(t, tt.name+", the job", storetest.One[string](db, jobLine, tt.id), tt.line)
		want := "[]"
		if tt.action != "" {
			want = fmt.Sprintf("[cancel_job %d %s]", tt.id, tt.action)
		}
		storetest.Check(t, tt.name+", on record", actions(db)[done:], want)
	}
	id := db.Insert(storetest.Row{})[0]
	db.Exec("SELECT tagexec.cancel_job($1)", id)
	storetest.Check(t, "without a reason", storetest.One[string](db, "SELECT concat_ws(' ', error_code, error, finished_at IS NOT NULL) FROM tagexec.tag_jobs WHERE id = $1", id), "cancelled cancelled before it started t")
}

// After River's driver test DoesNotUpdateARunningJob.
func TestRetryJobMakesWhatEndedPendingAgain(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c := db.Claimer(store.Executor{})
	cancelled, asked := running(c.ID), running(c.ID)
	cancelled["cancel_requested_at"] = time.Now()
	asked["cancel_requested_at"], asked["retry_request"] = time.Now(), "{}"
	waits := ended(db, storetest.Row{}, "failed", c.ID)
	db.Exec("SELECT tagexec.keep_attempts(ARRAY[$1::bigint])", waits)
	db.Exec("UPDATE tagexec.tag_jobs SET state = 'pending', attempt_is_past = true, last_outcome = NULL, run_at = now() + interval '1 h' WHERE id = $1", waits)
	due := ended(db, storetest.Row{}, "failed", c.ID)
	db.Exec("SELECT tagexec.keep_attempts(ARRAY[$1::bigint])", due)
	db.Exec("UPDATE tagexec.tag_jobs SET state = 'pending', attempt_is_past = true, last_outcome = NULL WHERE id = $1", due)
	again := func(state string, failures int) string {
		return fmt.Sprintf(`{"state": "%s", "failures": %d} -> {"state": "pending"}`, state, failures)
	}
	for _, tt := range []struct {
		name   string
		id     int64
		did    bool
		line   string
		action string
	}{
		{"failed", ended(db, nil, "failed", c.ID), true, "pending 1 0 0 0 t", again("failed", 1)},
		{"cancelled", ended(db, nil, "cancelled", c.ID), true, "pending 1 0 0 0 t", again("cancelled", 0)},
		{"succeeded", ended(db, nil, "succeeded", c.ID), true, "pending 1 0 0 0 t", again("succeeded", 0)},
		{"waiting after a failure", waits, true, "pending 1 0 0 0 t", again("pending", 1)},
		{"due after a failure", due, false, "pending 1 1 1 5 t", ""},
		{"waiting for its own time", db.Insert(storetest.Row{"run_at": "2040-01-01"})[0], false, "pending 0 0 0 0 t", ""},
		{"running", db.Insert(running(c.ID))[0], false, "running 1 0 0 0 f", ""},
		{"being cancelled", db.Insert(cancelled)[0], true, "running 1 0 0 2 f", `{"state": "running", "failures": 0} -> {"pending_after_cancel": true}`},
		{"being cancelled with a retry behind it", db.Insert(asked)[0], false, "running 1 0 0 2 f", ""},
	} {
		done := len(actions(db))
		storetest.Check(t, tt.name, storetest.One[bool](db, "SELECT tagexec.retry_job($1)", tt.id), tt.did)
		storetest.Check(t, tt.name+", the job", storetest.One[string](db, jobLine, tt.id), tt.line)
		want := "[]"
		if tt.action != "" {
			want = fmt.Sprintf("[retry_job %d %s]", tt.id, tt.action)
		}
		storetest.Check(t, tt.name+", on record", actions(db)[done:], want)
	}
	// Its own time is kept by the retry of a job that has not failed, and attempts are kept by all.
	storetest.Check(t, "attempts", storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_job_attempts"), 5)
}

func TestCancelJobAndRetryJobTheLaterOneWins(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		steps   string // c cancel_job, C cancel_batch, r retry_job, R retry_batch; those in vain in brackets
		outcome store.Outcome
		want    string // state, failures, outcome of the attempt
	}{
		{"cr", store.Failed, "pending 0 cancelled"},
		{"cR", store.TimedOut, "pending 0 cancelled"},
		{"Cr", store.Interrupted, "pending 0 cancelled"},
		{"CR", store.Lost, "pending 0 cancelled"},
		{"cr(r)(R)", store.Cancelled, "pending 0 cancelled"},
		{"(r)c", store.Failed, "cancelled 0 cancelled"},
		{"(R)C", store.Lost, "cancelled 0 cancelled"},
		{"c(c)(C)", store.Interrupted, "cancelled 0 cancelled"},
		{"crc", store.Failed, "cancelled 0 cancelled"},
		{"CRC", store.TimedOut, "cancelled 0 cancelled"},
		{"cRCr", store.Failed, "pending 0 cancelled"},
		{"crC", store.Lost, "cancelled 0 cancelled"},
		{"c", store.Succeeded, "succeeded 0 succeeded"},
		{"cr", store.Succeeded, "succeeded 0 succeeded"},
		{"cR", store.Succeeded, "succeeded 0 succeeded"},
	} {
		t.Run(tt.steps+" "+string(tt.outcome), func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			c := db.Claimer(store.Executor{})
			id := db.Insert(storetest.Row{"batch": "b", "tag": "t", "priority": 7, "mutex_key": "m"})[0]
			jobs := c.MustClaim(t, 1)
			want := "t"
			for _, step := range tt.steps {
				var did string
				switch step {
				case 'c':
					did = storetest.One[string](db, "SELECT left(tagexec.cancel_job($1)::text, 1)", id)
				case 'r':
					did = storetest.One[string](db, "SELECT left(tagexec.retry_job($1)::text, 1)", id)
				case 'C':
					did = storetest.One[string](db, "SELECT left((tagexec.cancel_batch('b') > 0)::text, 1)")
				case 'R':
					did = storetest.One[string](db, "SELECT left((tagexec.retry_batch('b') > 0)::text, 1)")
				case '(':
					want = "f"
					continue
				case ')':
					want = "t"
					continue
				}
				storetest.Check(t, "step "+string(step), did, want)
			}
			if tt.outcome == store.Lost {
				db.Expire(c.ID)
				storetest.Check(t, "reaped", db.Reap().Jobs, 1)
			} else {
				c.End(t, tt.outcome, jobs...)
			}
			storetest.Check(t, "the job", storetest.One[string](db, `SELECT concat_ws(' ', state, failures, (SELECT string_agg(outcome, ' ') FROM tagexec.tag_job_attempts)) FROM tagexec.tag_jobs`), tt.want)
			storetest.Check(t, "what the producer wrote", storetest.One[string](db, "SELECT concat_ws(' ', batch, tag, priority, mutex_key, payload) FROM tagexec.tag_jobs"), "b t 7 m {}")
		})
	}
}
