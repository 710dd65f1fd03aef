package chaos

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/cmd/internal/wait"
)

// signOfLife is what an executor has left in the database.
type signOfLife struct {
	Executor  string
	Heartbeat string
	Reaped    bool
}

const signsSQL = `-- chaos: signs of life
SELECT id::text, heartbeat_at::text, reaped_at IS NOT NULL
  FROM tagexec.tag_executors
 WHERE stopped_at IS NULL`

// reaps are the executors as the looks have shown them. No time of the database
// is compared: its clock may be set at any time.
type reaps struct {
	looked time.Time // when the last look was sent; zero: there was none
	seen   map[string]sighting
}

// sighting is the last heartbeat of an executor that was seen.
type sighting struct {
	heartbeat string
	after     time.Time // it was sent after that, by our clock; zero: nobody knows
	reaped    bool
}

// note notes a look and returns who was reaped since the last one, with the most
// time that can lie between its last heartbeat and that.
func (r *reaps) note(signs []signOfLife, sent, received time.Time) map[string]time.Duration {
	reaped, seen := map[string]time.Duration{}, make(map[string]sighting, len(signs))
	for _, s := range signs {
		last, known := r.seen[s.Executor]
		if !known || last.heartbeat != s.Heartbeat {
			last = sighting{heartbeat: s.Heartbeat, after: r.looked}
		}
		if s.Reaped && !last.reaped && !last.after.IsZero() {
			reaped[s.Executor] = received.Sub(last.after)
		}
		last.reaped = s.Reaped
		seen[s.Executor] = last
	}
	r.looked, r.seen = sent, seen
	return reaped
}

// watchReaps makes sure until ctx ends that nobody is reaped within a lease of its
// last heartbeat.
func (b *testbed) watchReaps(ctx context.Context) {
	var r reaps
	for ctx.Err() == nil {
		sent := time.Now()
		signs, err := collect(ctx, b.db, signsSQL, pgx.RowToStructByPos[signOfLife])
		if err == nil {
			for executor, most := range r.note(signs, sent, time.Now()) {
				if most < lease {
					b.findings.add("reaped_alive", "executor %s was reaped %s after its last heartbeat at most, with a lease of %s", executor, most.Round(time.Millisecond), lease)
				}
			}
		}
		b.watchError(ctx, "signs of life", err)
		wait.For(ctx, limitsEvery)
	}
}

// What was ended because its time was over, although its jobs have the default
// limit, which is longer than a run.
const earlySQL = `-- chaos: early
SELECT 'ended_early' AS rule, format('attempt %s of job %s had an hour, and ended %s from %s to %s: %s', a.attempt, a.job_id, a.outcome, a.started_at, a.finished_at, a.error) AS detail
  FROM tagexec.tag_job_attempts a
  JOIN tagexec.tag_jobs j ON j.id = a.job_id
 WHERE j.timeout_seconds IS NULL
   AND (a.outcome = 'timed_out' OR a.error = 'its executor did not end it when its time was over')`
