package chaos

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/store/storetest"
)

func TestWhoIsReapedWithinItsLeaseIsFound(t *testing.T) {
	t.Parallel()
	at := func(seconds float64) time.Time {
		return time.Unix(1000, 0).Add(time.Duration(seconds * float64(time.Second)))
	}
	for _, tt := range []struct {
		name  string
		looks []signOfLife // one a second, answered after a tenth of one
		want  string       // seconds since its last heartbeat, at each look that shows it reaped
	}{
		{"one that lives", []signOfLife{{"e", "1", false}, {"e", "2", false}}, ""},
		{"just after a heartbeat", []signOfLife{{"e", "1", false}, {"e", "2", false}, {"e", "2", true}, {"e", "2", true}}, "2.1"},
		{"together with its heartbeat", []signOfLife{{"e", "1", false}, {"e", "2", true}}, "1.1"},
		{"by a clock that was set back", []signOfLife{{"e", "9", false}, {"e", "8", false}, {"e", "8", true}}, "2.1"},
		{"long after", []signOfLife{{"e", "1", false}, {"e", "2", false}, {"e", "2", false}, {"e", "2", false}, {"e", "2", true}}, "4.1"},
		{"one that was never seen to change", []signOfLife{{"e", "1", false}, {"e", "1", true}}, ""},
		{"one that registered and was reaped between two looks", []signOfLife{{}, {"e", "1", true}}, "1.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var r reaps
			got := ""
			for i, s := range tt.looks {
				signs := []signOfLife{s}
				if s.Executor == "" {
					signs = nil
				}
				for _, most := range r.note(signs, at(float64(i)), at(float64(i)+0.1)) {
					got += fmt.Sprintf("%.1f", most.Seconds())
				}
			}
			if got != tt.want {
				t.Errorf("reaped %q seconds after a heartbeat, want %q", got, tt.want)
			}
		})
	}
}

func TestWhatEndedBeforeItsTimeIsFound(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		timeout any
		outcome string
		why     string
		found   int
	}{
		{"timed out after its own limit", 1, "timed_out", "timeout", 0},
		{"timed out by the default", nil, "timed_out", "timeout", 1},
		{"taken away after its own limit", 1, "lost", "its executor did not end it when its time was over", 0},
		{"taken away as overdue", nil, "lost", "its executor did not end it when its time was over", 1},
		{"lost with its executor", nil, "lost", "the executor died or lost contact while it ran this job", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			id := db.Insert(storetest.Row{"timeout_seconds": tt.timeout})[0]
			db.Exec("INSERT INTO tagexec.tag_past_attempts (job_id, attempt, executor_id, hostname, queued_at, started_at, finished_at, outcome, error) VALUES ($1, 1, $2, '', now(), now(), now(), $3, $4)",
				id, db.Executor(), tt.outcome, tt.why)
			db.Exec("UPDATE tagexec.tag_jobs SET attempt = 1, attempt_is_past = true, executor_id = (SELECT executor_id FROM tagexec.tag_job_attempts), failures = 1")
			found, err := collect(t.Context(), db.Pool, earlySQL, pgx.RowToStructByPos[Finding])
			if err != nil || len(found) != tt.found {
				t.Errorf("found %v, %v", found, err)
			}
		})
	}
}
