package store

import "github.com/jackc/pgx/v5"

// Which pending row q of tag_jobs may be claimed stands here once. The claims
// add what only they know: a lane, a pool, a list of ids.
const (
	// due: a job whose time has come, and whose row can be written.
	due = `q.state = 'pending' AND q.run_at <= now() AND ` + writable

	// writable: the array is empty nearly always, and read once for a statement.
	writable = `q.id <> ALL (ARRAY(SELECT u.job_id FROM tagexec.tag_unwritable_jobs u))`

	// waiting: and that may run beside others. A job that took down two executors
	// runs alone, see ClaimSuspect.
	waiting = due + ` AND q.crashes < 2`

	// mayRun: and whose kind this executor runs, with all that it needs.
	mayRun = waiting + ` AND q.kind = ANY (@kinds::text[]) AND ` + available

	// available: it needs nothing that is unavailable here. The first half spares
	// the claims of a healthy executor the second; the payload is read last.
	available = `(@unavailable::text IS NULL OR NOT EXISTS (
             SELECT FROM jsonb_to_recordset(@unavailable::text::jsonb) u (kind text, field text, pattern text)
              WHERE u.kind = q.kind AND ` + needed + `))`

	// needed: the job needs the resource u of its kind.
	needed = `(u.field = '' OR coalesce(q.payload ->> u.field, '') ~ (u.pattern COLLATE "C"))`

	// keyFree: no job with the same mutex key runs. The predicate of the probed
	// index is that index's alone, so no other can be taken; OFFSET 0 keeps the
	// probe from becoming a join with all that runs.
	keyFree = `(q.mutex_key IS NULL OR NOT EXISTS (SELECT FROM tagexec.tag_jobs r WHERE r.state || '' = 'running' AND r.mutex_key = q.mutex_key OFFSET 0))`

	// inOrder is the order of a lane, and within a mutex key.
	inOrder = `q.priority DESC, q.run_at, q.id`
)

// setClaimed and returnClaimed surround a subquery of ids. It must be
// ANY (ARRAY(…)): joined, the planner was seen to scan the table. started_at is
// the time of the statement, not of its transaction: the counts of a limited
// pool rely on it being later than the pool's lock.
const (
	setClaimed       = setRunning + `t.state = 'pending'` + ofThese
	setClaimedAround = setRunning + `t.state || '' = 'pending'` + ofThese // by no index but that of the ids

	setRunning = `
UPDATE tagexec.tag_jobs t
   SET state = 'running', attempt = t.attempt + 1, executor_id = @executor,
       started_at = statement_timestamp(), finished_at = NULL,
       deadline_at = statement_timestamp() + make_interval(secs => coalesce(t.timeout_seconds, @timeout::double precision))
 WHERE `
	ofThese = `
   AND t.id = ANY (ARRAY(`
	returnClaimed = `))
RETURNING t.id, t.attempt, t.executor_id, t.tag, t.kind, t.payload, t.batch, t.biz_date, t.pool, t.slots, t.priority,
          t.mutex_key, t.timeout_seconds, t.max_attempts, t.failures, t.crashes, t.run_at`
)

// scanJob reads a row of returnClaimed. The conversions spare each row a detour
// by json.Unmarshal and database/sql.
func scanJob(row pgx.CollectableRow) (j Job, err error) {
	return j, row.Scan(&j.ID, &j.Attempt, (*[16]byte)(&j.Executor), &j.Tag, &j.Kind, (*[]byte)(&j.Payload), &j.Batch, &j.BizDate, &j.Pool, &j.Slots, &j.Priority,
		&j.MutexKey, &j.TimeoutSeconds, &j.MaxAttempts, &j.Failures, &j.Crashes, &j.RunAt)
}
