package migrations_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tagexec/tagexec/store/storetest"
)

// running is a job as it is in its first attempt.
func running(executor uuid.UUID) storetest.Row {
	return storetest.Row{"state": "running", "attempt": 1, "executor_id": executor, "started_at": time.Now().Add(-time.Minute),
		"created_at": time.Now().Add(-time.Hour), "run_at": time.Now().Add(-time.Hour), "deadline_at": time.Now().Add(time.Hour)}
}

// ended is a job whose first attempt ended in a state.
func ended(db *storetest.DB, row storetest.Row, state string, executor uuid.UUID) int64 {
	now := time.Now()
	full := storetest.Row{"state": state, "attempt": 1, "executor_id": executor, "created_at": now, "run_at": now, "started_at": now, "finished_at": now,
		"failures": 0, "crashes": 1, "error_code": "x", "error": "y", "exit_code": 3, "rows_affected": 4, "result": "{}"}
	if state == "failed" {
		full["failures"], full["last_outcome"] = 1, "failed"
	}
	for column, value := range row {
		full[column] = value
	}
	id := db.Insert(full)[0]
	return id
}

// actions are the operator actions on record, oldest first.
func actions(db *storetest.DB) []string {
	return storetest.All[string](db, `SELECT concat_ws(' ', action, job_id, batch, pool, reason, before, '->', after)
		FROM tagexec.tag_operator_actions WHERE by = session_user AND at <= clock_timestamp() ORDER BY id`)
}

const jobLine = `SELECT concat_ws(' ', state, attempt, failures, crashes, num_nonnulls(cancel_requested_at, retry_request, rows_affected, exit_code, result, error_code, error),
	run_at >= now() - interval '1 min') FROM tagexec.tag_jobs WHERE id = $1`

func TestOperatorFunctionsRefuseWhatTheyCannotDo(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Insert(storetest.Row{"batch": "b"})
	for _, tt := range []struct{ call, code, message string }{
		{"retry_batch('nobody')", "P0002", `there is no batch "nobody"`},
		{"retry_batch(NULL)", "P0002", `there is no batch`},
		{"retry_batch('b', 'some')", "22023", `which is "some"; it may be failed (failed and cancelled jobs) or all`},
		{"retry_batch('b', NULL)", "22023", "which is null"},
	} {
		_, err := db.Pool.Exec(t.Context(), "SELECT tagexec."+tt.call)
		if pg := storetest.PgError(t, err); pg.Code != tt.code || !strings.Contains(pg.Message, tt.message) {
			t.Errorf("%s: %s %s", tt.call, pg.Code, pg.Message)
		}
	}
	for _, call := range []string{"cancel_job(0)", "cancel_job(NULL)", "cancel_job(NULL, 'r')", "retry_job(0)", "retry_job(NULL)"} {
		if storetest.One[bool](db, "SELECT tagexec."+call) {
			t.Errorf("%s did something", call)
		}
	}
	storetest.Check(t, "batch without anything to retry", storetest.One[int](db, "SELECT tagexec.retry_batch('b', 'all')"), 0)
	storetest.Check(t, "on record", actions(db), "[]")
}

func TestOperatorActionsAndAttemptsAreAppendOnly(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	ended(db, nil, "succeeded", db.Executor())
	db.Exec("SELECT tagexec.retry_job(id) FROM tagexec.tag_jobs")
	for _, sql := range []string{
		"UPDATE tagexec.tag_operator_actions SET reason = 'another'",
		"DELETE FROM tagexec.tag_operator_actions",
		"TRUNCATE tagexec.tag_operator_actions",
		"UPDATE tagexec.tag_past_attempts SET outcome = 'failed'",
		"INSERT INTO tagexec.tag_past_attempts SELECT * FROM tagexec.tag_past_attempts ON CONFLICT (job_id, attempt) DO UPDATE SET outcome = 'failed'",
	} {
		_, err := db.Pool.Exec(t.Context(), sql)
		if pg := storetest.PgError(t, err); pg.Code != "23001" || !strings.HasSuffix(pg.Message, "is append-only") {
			t.Errorf("%s: %s %s", sql, pg.Code, pg.Message)
		}
	}
	storetest.Check(t, "actions", len(actions(db)), 1)
	db.Exec("DELETE FROM tagexec.tag_past_attempts") // as prune does
	db.Exec("DELETE FROM tagexec.tag_jobs")
}
