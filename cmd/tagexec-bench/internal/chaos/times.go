package chaos

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/store/doctor"
)

// The rules of doctor.TimeRules, except for pairs of times between which the
// server's clock was set back: there their order says nothing.
const timesSQL = `-- chaos: times
SELECT rule, detail
  FROM (SELECT 'table_job_times' AS rule, format('job %s finished at %s, before it started at %s', id, finished_at, started_at) AS detail,
               started_at AS first, finished_at AS second
          FROM tagexec.tag_jobs
         WHERE finished_at < started_at
        UNION ALL
        SELECT 'table_attempt_times', format('attempt %s of job %s was queued at %s and started at %s', attempt, job_id, queued_at, started_at), queued_at, started_at
          FROM tagexec.tag_job_attempts
         WHERE started_at < queued_at
        UNION ALL
        SELECT 'table_attempt_times', format('attempt %s of job %s started at %s and finished at %s', attempt, job_id, started_at, finished_at), started_at, finished_at
          FROM tagexec.tag_job_attempts
         WHERE finished_at < started_at
        UNION ALL
        SELECT 'table_attempts_in_turn', format('job %s: attempt %s started at %s, before the one before it ended at %s', job_id, attempt, started_at, before), before, started_at
          FROM (SELECT job_id, attempt, started_at, lag(finished_at) OVER (PARTITION BY job_id ORDER BY attempt) AS before
                  FROM tagexec.tag_job_attempts) a
         WHERE started_at < before) t
 WHERE NOT EXISTS (SELECT FROM unnest($1::timestamptz[], $2::timestamptz[]) b (since, until) WHERE t.first <= b.since AND t.second >= b.until)
 LIMIT 100`

// violations returns the promises that the tables break.
func (b *testbed) violations(ctx context.Context) ([]Finding, error) {
	list, err := doctor.Violations(ctx, b.db)
	if err != nil {
		return nil, err
	}
	since := b.clock.since()
	from, to := b.clock.excursions()
	found, err := collect(ctx, b.db, timesSQL, pgx.RowToStructByPos[Finding], from, to)
	if !b.clock.ran(since) { // the next look knows this step too
		found = nil
	}
	for _, v := range list {
		if !slices.Contains(doctor.TimeRules(), v.Rule) {
			found = append(found, Finding{"table_" + v.Rule, v.Detail})
		}
	}
	return found, err
}

// Producers here ask for no time, so what waits longer than the longest delay
// after its failures was delayed without a cause. What waits by a clock that ran
// steadily since (settled) can be judged at once.
const delaysSQL = `-- chaos: delays
SELECT format('job %s waits from %s to %s after %s failures in %s attempts: %s', id, finished_at, run_at, failures, attempt, error) AS detail,
       id,
       coalesce(finished_at, created_at) BETWEEN $1 AND now() AS settled
  FROM tagexec.tag_jobs
 WHERE state = 'pending'
   AND run_at > now() + interval '5 s' * 2 ^ (greatest(failures, 1) - 1)`

// mendLimit is the time in which executors make due what waits only because the
// server's clock was ahead: while all of them are under faults they cannot.
const mendLimit = 30 * time.Second

// delay is a job that waits for long.
type delay struct {
	Detail  string
	Job     int64
	Settled bool
}

// delays remembers since when, by our clock, jobs have waited for long.
type delays map[int64]time.Time

// check looks at what waits for long.
func (d *delays) check(ctx context.Context, b *testbed) error {
	since := b.clock.since()
	list, err := collect(ctx, b.db, delaysSQL, pgx.RowToStructByPos[delay], since)
	if err != nil {
		return err
	}
	again := delays{}
	for _, one := range list {
		again[one.Job] = time.Now()
		if first, known := (*d)[one.Job]; known {
			again[one.Job] = first
		}
		if one.Settled && b.clock.ran(since) || time.Since(again[one.Job]) > mendLimit {
			b.findings.add("retry_delay", "%s", one.Detail)
		}
	}
	*d = again
	return nil
}
