-- What analysts read: the views of schema tagreport. They run with the rights of
-- their owner, so a reader needs no right on schema tagexec, and payload, result
-- and output are not in them. None is a security barrier: they hide columns and no
-- rows, so a leaky predicate can see nothing that the view does not show, and a
-- barrier would only keep predicates away from the indexes.

-- +goose Up
CREATE SCHEMA tagreport;
COMMENT ON SCHEMA tagreport IS 'tagexec for analysts: jobs, attempts, batches and what follows from them. Columns are added, never renamed or removed. Times are timestamptz; durations end in _seconds.';

-- The left joins are to unique keys: a query that asks for none of their columns
-- does not pay for them, and an attempt whose job was deleted still counts.
CREATE VIEW tagreport.attempts AS
SELECT a.job_id, a.attempt, j.tag, j.kind, j.pool, j.slots, j.batch, j.biz_date,
       a.outcome, a.queued_at, a.started_at, a.finished_at,
       -- A server clock that was set back must not make a wait negative.
       greatest(0, extract(epoch FROM a.started_at - a.queued_at))::double precision  AS queue_wait_seconds,
       greatest(0, extract(epoch FROM a.finished_at - a.started_at))::double precision AS run_seconds,
       a.executor_id, a.hostname, a.rows_affected, a.exit_code, a.error_code, a.error, a.output_bytes,
       b.dag_id, b.run_id, b.task_id, b.map_index, b.try_number, b.logical_date, b.log_url
  FROM tagexec.tag_job_attempts a
  LEFT JOIN tagexec.tag_jobs j ON j.id = a.job_id
  LEFT JOIN tagexec.tag_batches b ON b.batch = j.batch;
COMMENT ON VIEW   tagreport.attempts IS 'History: one row per ended attempt. Ask for a range of finished_at: it is found without reading the rest.';
COMMENT ON COLUMN tagreport.attempts.job_id             IS 'Job (jobs.id).';
COMMENT ON COLUMN tagreport.attempts.attempt            IS 'Number of the attempt, from 1.';
COMMENT ON COLUMN tagreport.attempts.tag                IS 'Tag the job computes.';
COMMENT ON COLUMN tagreport.attempts.kind               IS 'sql, command, http or a registered kind; as the job has it now.';
COMMENT ON COLUMN tagreport.attempts.pool               IS 'Pool of the job; as the job has it now.';
COMMENT ON COLUMN tagreport.attempts.slots              IS 'Slots of its pool that the job holds while it runs; as the job has it now.';
COMMENT ON COLUMN tagreport.attempts.batch              IS 'Batch of the job.';
COMMENT ON COLUMN tagreport.attempts.biz_date           IS 'Business date the tag was computed for.';
COMMENT ON COLUMN tagreport.attempts.outcome            IS 'succeeded; failed, timed_out or lost (these count as failures); cancelled; interrupted (executor stopped).';
COMMENT ON COLUMN tagreport.attempts.queued_at          IS 'When the job was due: the later of its insertion and its run_at.';
COMMENT ON COLUMN tagreport.attempts.started_at         IS 'When an executor claimed it.';
COMMENT ON COLUMN tagreport.attempts.finished_at        IS 'When its result was stored.';
COMMENT ON COLUMN tagreport.attempts.queue_wait_seconds IS 'From due to started.';
COMMENT ON COLUMN tagreport.attempts.run_seconds        IS 'From started to finished.';
COMMENT ON COLUMN tagreport.attempts.executor_id        IS 'Executor that ran it (executors.id).';
COMMENT ON COLUMN tagreport.attempts.hostname           IS 'Host of that executor.';
COMMENT ON COLUMN tagreport.attempts.rows_affected      IS 'Rows a SQL job changed.';
COMMENT ON COLUMN tagreport.attempts.exit_code          IS 'Exit code of a command, status of an HTTP response.';
COMMENT ON COLUMN tagreport.attempts.error_code         IS 'SQLSTATE or a word, e.g. exit_status, timeout, panic, lost.';
COMMENT ON COLUMN tagreport.attempts.error              IS 'What went wrong, in one sentence.';
COMMENT ON COLUMN tagreport.attempts.output_bytes       IS 'Length of what it printed, in bytes.';
COMMENT ON COLUMN tagreport.attempts.dag_id             IS 'Airflow DAG of the batch.';
COMMENT ON COLUMN tagreport.attempts.run_id             IS 'Airflow DAG run of the batch.';
COMMENT ON COLUMN tagreport.attempts.task_id            IS 'Airflow task of the batch.';
COMMENT ON COLUMN tagreport.attempts.map_index          IS 'Index of a mapped Airflow task; -1 when it is not mapped.';
COMMENT ON COLUMN tagreport.attempts.try_number         IS 'Try of the Airflow task that submitted the batch last.';
COMMENT ON COLUMN tagreport.attempts.logical_date       IS 'Logical date of the DAG run.';
COMMENT ON COLUMN tagreport.attempts.log_url            IS 'Link to the Airflow task''s log.';

-- A job that waits for a retry, or was cancelled while it did, still has the times
-- of the attempt before, from when it was due earlier than now: they are told from
-- those of this turn by started_at lying before due.
CREATE VIEW tagreport.jobs AS
SELECT j.id, j.tag, j.kind, j.pool, j.slots, j.batch, j.biz_date, j.state, j.attempt, j.failures, j.max_attempts,
       j.priority, j.mutex_key, j.dedupe_key, j.timeout_seconds,
       j.created_at, j.created_by, j.run_at, j.started_at, j.finished_at, j.deadline_at, j.cancel_requested_at,
       CASE WHEN j.state = 'pending'   THEN greatest(0, extract(epoch FROM now() - d.due))
            WHEN j.started_at >= d.due THEN extract(epoch FROM j.started_at - d.due)
       END::double precision AS queue_wait_seconds,
       CASE WHEN j.state = 'running' THEN greatest(0, extract(epoch FROM now() - j.started_at))
            WHEN j.state <> 'pending' AND j.started_at >= d.due THEN greatest(0, extract(epoch FROM j.finished_at - j.started_at))
       END::double precision AS run_seconds,
       j.executor_id, j.rows_affected, j.exit_code, j.error_code, j.error,
       b.dag_id, b.run_id, b.task_id, b.map_index, b.try_number, b.logical_date, b.log_url
  FROM tagexec.tag_jobs j
 CROSS JOIN LATERAL (SELECT greatest(j.created_at, j.run_at) AS due) d
  LEFT JOIN tagexec.tag_batches b ON b.batch = j.batch;
COMMENT ON VIEW   tagreport.jobs IS 'One row per job, as it is now; attempts has what was before. Ask for a range of created_at or for a batch: they are found without reading the rest.';
COMMENT ON COLUMN tagreport.jobs.id                  IS 'Number of the job.';
COMMENT ON COLUMN tagreport.jobs.tag                 IS 'Tag the job computes.';
COMMENT ON COLUMN tagreport.jobs.kind                IS 'sql, command, http or a registered kind.';
COMMENT ON COLUMN tagreport.jobs.pool                IS 'Pool whose slots it takes.';
COMMENT ON COLUMN tagreport.jobs.slots               IS 'Slots of its pool that it holds while it runs.';
COMMENT ON COLUMN tagreport.jobs.batch               IS 'Batch key.';
COMMENT ON COLUMN tagreport.jobs.biz_date            IS 'Business date the tag is computed for.';
COMMENT ON COLUMN tagreport.jobs.state               IS 'pending, running, succeeded, failed or cancelled.';
COMMENT ON COLUMN tagreport.jobs.attempt             IS 'Attempts so far, the running one included.';
COMMENT ON COLUMN tagreport.jobs.failures            IS 'Attempts that counted against max_attempts, since an operator''s last retry.';
COMMENT ON COLUMN tagreport.jobs.max_attempts        IS 'The job is failed when failures reach this number.';
COMMENT ON COLUMN tagreport.jobs.priority            IS '0 to 9, higher first.';
COMMENT ON COLUMN tagreport.jobs.mutex_key           IS 'Of all jobs with this key at most one runs at a time.';
COMMENT ON COLUMN tagreport.jobs.dedupe_key          IS 'Unique where set.';
COMMENT ON COLUMN tagreport.jobs.timeout_seconds     IS 'Limit of one attempt; null takes the executor''s default.';
COMMENT ON COLUMN tagreport.jobs.created_at          IS 'When it was inserted.';
COMMENT ON COLUMN tagreport.jobs.created_by          IS 'Database user that inserted it.';
COMMENT ON COLUMN tagreport.jobs.run_at              IS 'Not started before this time; a retry sets it anew.';
COMMENT ON COLUMN tagreport.jobs.started_at          IS 'When the present or last attempt was claimed; null if none was.';
COMMENT ON COLUMN tagreport.jobs.finished_at         IS 'When the last attempt ended, or the job was cancelled; null while one runs.';
COMMENT ON COLUMN tagreport.jobs.deadline_at         IS 'When the time of the present or last attempt is over.';
COMMENT ON COLUMN tagreport.jobs.cancel_requested_at IS 'When it was asked to stop while it ran.';
COMMENT ON COLUMN tagreport.jobs.queue_wait_seconds  IS 'Pending: since it is due, 0 before. Else from due to started; null if it was cancelled before it started.';
COMMENT ON COLUMN tagreport.jobs.run_seconds         IS 'Of the present or last attempt; null while pending, or if it was cancelled before it started.';
COMMENT ON COLUMN tagreport.jobs.executor_id         IS 'Executor that runs it or ran it last (executors.id).';
COMMENT ON COLUMN tagreport.jobs.rows_affected       IS 'Rows a SQL job changed.';
COMMENT ON COLUMN tagreport.jobs.exit_code           IS 'Exit code of a command, status of an HTTP response.';
COMMENT ON COLUMN tagreport.jobs.error_code          IS 'SQLSTATE or a word, of the last attempt.';
COMMENT ON COLUMN tagreport.jobs.error               IS 'What went wrong in the last attempt, in one sentence.';
COMMENT ON COLUMN tagreport.jobs.dag_id              IS 'Airflow DAG of the batch.';
COMMENT ON COLUMN tagreport.jobs.run_id              IS 'Airflow DAG run of the batch.';
COMMENT ON COLUMN tagreport.jobs.task_id             IS 'Airflow task of the batch.';
COMMENT ON COLUMN tagreport.jobs.map_index           IS 'Index of a mapped Airflow task; -1 when it is not mapped.';
COMMENT ON COLUMN tagreport.jobs.try_number          IS 'Try of the Airflow task that submitted the batch last.';
COMMENT ON COLUMN tagreport.jobs.logical_date        IS 'Logical date of the DAG run.';
COMMENT ON COLUMN tagreport.jobs.log_url             IS 'Link to the Airflow task''s log.';

-- Lateral, so that a few batches read their own jobs by index and not the whole table.
CREATE VIEW tagreport.batches AS
SELECT b.batch, b.dag_id, b.run_id, b.task_id, b.map_index, b.try_number, b.logical_date, b.log_url,
       b.created_at, b.created_by, b.submit_count, b.due_at, b.cancel_requested_at, b.cancel_reason,
       c.jobs, c.pending, c.running, c.succeeded, c.failed, c.cancelled,
       -- A job keeps the start of its last attempt; where that was not the first, history has it.
       least(c.first_started_at,
             (SELECT min(a.started_at)
                FROM tagexec.tag_jobs j
                JOIN tagexec.tag_job_attempts a ON a.job_id = j.id AND a.attempt = 1
               WHERE j.batch = b.batch AND j.attempt > 1)) AS first_started_at,
       f.finished_at,
       coalesce(c.jobs > 0 AND coalesce(f.finished_at, now()) > b.due_at, false) AS due_missed
  FROM tagexec.tag_batches b
 CROSS JOIN LATERAL (
       SELECT count(*)                                      AS jobs,
              count(*) FILTER (WHERE j.state = 'pending')   AS pending,
              count(*) FILTER (WHERE j.state = 'running')   AS running,
              count(*) FILTER (WHERE j.state = 'succeeded') AS succeeded,
              count(*) FILTER (WHERE j.state = 'failed')    AS failed,
              count(*) FILTER (WHERE j.state = 'cancelled') AS cancelled,
              min(j.started_at)                             AS first_started_at,
              max(j.finished_at)                            AS last_finished_at
         FROM tagexec.tag_jobs j
        WHERE j.batch = b.batch) c
 CROSS JOIN LATERAL (SELECT CASE WHEN c.pending + c.running = 0 THEN c.last_finished_at END AS finished_at) f;
COMMENT ON VIEW   tagreport.batches IS 'One row per batch with its jobs counted by state. A batch whose jobs were pruned stays, with none.';
COMMENT ON COLUMN tagreport.batches.batch               IS 'The key, chosen by the producer.';
COMMENT ON COLUMN tagreport.batches.dag_id              IS 'Airflow DAG that submitted it.';
COMMENT ON COLUMN tagreport.batches.run_id              IS 'Airflow DAG run.';
COMMENT ON COLUMN tagreport.batches.task_id             IS 'Airflow task.';
COMMENT ON COLUMN tagreport.batches.map_index           IS 'Index of a mapped Airflow task; -1 when it is not mapped.';
COMMENT ON COLUMN tagreport.batches.try_number          IS 'Try of the Airflow task that submitted last.';
COMMENT ON COLUMN tagreport.batches.logical_date        IS 'Logical date of the DAG run.';
COMMENT ON COLUMN tagreport.batches.log_url             IS 'Link to the Airflow task''s log.';
COMMENT ON COLUMN tagreport.batches.created_at          IS 'When the key was first used.';
COMMENT ON COLUMN tagreport.batches.created_by          IS 'Database user that used it first.';
COMMENT ON COLUMN tagreport.batches.submit_count        IS 'Calls of submit_jobs for this key; 0 when its jobs were only inserted.';
COMMENT ON COLUMN tagreport.batches.due_at              IS 'When it ought to be finished.';
COMMENT ON COLUMN tagreport.batches.cancel_requested_at IS 'When it was last cancelled; null again after a later submission.';
COMMENT ON COLUMN tagreport.batches.cancel_reason       IS 'Reason given for that.';
COMMENT ON COLUMN tagreport.batches.jobs                IS 'Its jobs.';
COMMENT ON COLUMN tagreport.batches.pending             IS 'Jobs that wait.';
COMMENT ON COLUMN tagreport.batches.running             IS 'Jobs that run.';
COMMENT ON COLUMN tagreport.batches.succeeded           IS 'Jobs that succeeded.';
COMMENT ON COLUMN tagreport.batches.failed              IS 'Jobs that failed for good.';
COMMENT ON COLUMN tagreport.batches.cancelled           IS 'Jobs that were cancelled.';
COMMENT ON COLUMN tagreport.batches.first_started_at    IS 'Start of its first attempt; null before.';
COMMENT ON COLUMN tagreport.batches.finished_at         IS 'When its last job ended; null while one is pending or running, or if there is none.';
COMMENT ON COLUMN tagreport.batches.due_missed          IS 'Whether it was not finished at due_at. A retry after that counts as late; false without due_at or without jobs.';

-- A job that succeeded and then ran again, or is about to, has its success in history only.
CREATE VIEW tagreport.tag_freshness AS
SELECT DISTINCT ON (g.tag)
       g.tag, g.biz_date, g.succeeded_at,
       extract(epoch FROM now() - g.succeeded_at)::double precision AS age_seconds
  FROM (SELECT s.tag, s.biz_date, max(s.succeeded_at) AS succeeded_at
          FROM (SELECT j.tag, j.biz_date, j.finished_at AS succeeded_at
                  FROM tagexec.tag_jobs j
                 WHERE j.state = 'succeeded'
                UNION ALL
                SELECT j.tag, CASE WHEN a.job_id IS NOT NULL THEN j.biz_date END, a.finished_at
                  FROM tagexec.tag_jobs j
                  LEFT JOIN tagexec.tag_job_attempts a ON a.job_id = j.id AND a.outcome = 'succeeded'
                 WHERE j.state <> 'succeeded') s
         GROUP BY s.tag, s.biz_date) g
 ORDER BY g.tag, g.biz_date DESC NULLS LAST, g.succeeded_at DESC NULLS LAST;
COMMENT ON VIEW   tagreport.tag_freshness IS 'One row per tag: the latest business date it was computed for. Reads all jobs.';
COMMENT ON COLUMN tagreport.tag_freshness.tag          IS 'The tag.';
COMMENT ON COLUMN tagreport.tag_freshness.biz_date     IS 'Latest business date with a success; null if it never succeeded, or its jobs name none.';
COMMENT ON COLUMN tagreport.tag_freshness.succeeded_at IS 'When it last succeeded for that date; null if it never did.';
COMMENT ON COLUMN tagreport.tag_freshness.age_seconds  IS 'Since succeeded_at.';

-- The views by day go from the days to their attempts, not from all attempts to
-- their days: so any condition on day leaves the other days unread, in the zone of
-- whoever asks. How far back is found in steps of eight times as many days, each a
-- probe of the index; seqscan is off because the planner would bet on an early hit,
-- and the last probe has none. ROWS is what is usually asked for, so that the planner
-- prepares for a few days and not for years.
CREATE FUNCTION tagreport.days() RETURNS SETOF date
LANGUAGE sql STABLE ROWS 3 SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
SELECT current_date - n
  FROM generate_series(0, coalesce((SELECT (8 ^ e)::integer
                                      FROM generate_series(0, 5) e
                                     WHERE NOT EXISTS (SELECT FROM tagreport.attempts a WHERE a.finished_at < current_date - (8 ^ e)::integer)
                                     LIMIT 1), 32768)) n
$$;
COMMENT ON FUNCTION tagreport.days IS 'Internal: the days of history, from today back, in the time zone of the session.';

CREATE VIEW tagreport.tag_daily AS
SELECT d.day, t.tag, t.pool, t.attempts, t.failures, t.p50_run_seconds, t.p95_run_seconds, t.p95_queue_wait_seconds,
       t.rows_affected, t.slot_seconds
  FROM tagreport.days() d (day)
 CROSS JOIN LATERAL (
       SELECT a.tag, a.pool,
              count(*)                                                                     AS attempts,
              count(*) FILTER (WHERE a.outcome IN ('failed', 'timed_out', 'lost'))         AS failures,
              percentile_cont(0.5)  WITHIN GROUP (ORDER BY a.run_seconds)                  AS p50_run_seconds,
              percentile_cont(0.95) WITHIN GROUP (ORDER BY a.run_seconds)                  AS p95_run_seconds,
              percentile_cont(0.95) WITHIN GROUP (ORDER BY a.queue_wait_seconds)           AS p95_queue_wait_seconds,
              sum(a.rows_affected)::bigint                                                 AS rows_affected,
              sum(a.slots * a.run_seconds)                                                 AS slot_seconds
         FROM tagreport.attempts a
        WHERE a.finished_at >= d.day::timestamptz AND a.finished_at < (d.day + 1)::timestamptz
        GROUP BY a.tag, a.pool) t;
COMMENT ON VIEW   tagreport.tag_daily IS 'One row per day, tag and pool with attempts. Ask for a range of day: the other days are not read.';
COMMENT ON COLUMN tagreport.tag_daily.day                    IS 'Day on which the attempts ended, in the session''s TimeZone: ALTER ROLE … SET timezone fixes it for a reader.';
COMMENT ON COLUMN tagreport.tag_daily.tag                    IS 'The tag.';
COMMENT ON COLUMN tagreport.tag_daily.pool                   IS 'The pool, as the jobs have it now.';
COMMENT ON COLUMN tagreport.tag_daily.attempts               IS 'Attempts that ended.';
COMMENT ON COLUMN tagreport.tag_daily.failures               IS 'Of these failed, timed out or lost.';
COMMENT ON COLUMN tagreport.tag_daily.p50_run_seconds        IS 'Median of run_seconds of all these attempts.';
COMMENT ON COLUMN tagreport.tag_daily.p95_run_seconds        IS '95th percentile of run_seconds.';
COMMENT ON COLUMN tagreport.tag_daily.p95_queue_wait_seconds IS '95th percentile of queue_wait_seconds.';
COMMENT ON COLUMN tagreport.tag_daily.rows_affected          IS 'Rows that SQL jobs changed; null if none told.';
COMMENT ON COLUMN tagreport.tag_daily.slot_seconds           IS 'Sum of slots × run_seconds: what the tag took of its pool.';

CREATE VIEW tagreport.failure_reasons AS
SELECT d.day, t.tag, t.pool, t.outcome, t.error_code, t.attempts, t.jobs, t.last_at, t.last_error
  FROM tagreport.days() d (day)
 CROSS JOIN LATERAL (
       SELECT a.tag, a.pool, a.outcome, a.error_code,
              count(*)                                         AS attempts,
              count(DISTINCT a.job_id)                         AS jobs,
              max(a.finished_at)                               AS last_at,
              (array_agg(a.error ORDER BY a.finished_at DESC))[1] AS last_error
         FROM tagreport.attempts a
        WHERE a.finished_at >= d.day::timestamptz AND a.finished_at < (d.day + 1)::timestamptz
          AND a.outcome IN ('failed', 'timed_out', 'lost')
        GROUP BY a.tag, a.pool, a.outcome, a.error_code) t;
COMMENT ON VIEW   tagreport.failure_reasons IS 'One row per day, tag, pool, outcome and error code of the attempts that failed, timed out or were lost. Ask for a range of day.';
COMMENT ON COLUMN tagreport.failure_reasons.day        IS 'Day on which the attempts ended, in the session''s TimeZone.';
COMMENT ON COLUMN tagreport.failure_reasons.tag        IS 'The tag.';
COMMENT ON COLUMN tagreport.failure_reasons.pool       IS 'The pool, as the jobs have it now.';
COMMENT ON COLUMN tagreport.failure_reasons.outcome    IS 'failed, timed_out or lost.';
COMMENT ON COLUMN tagreport.failure_reasons.error_code IS 'SQLSTATE or a word, e.g. exit_status, timeout, panic, lost.';
COMMENT ON COLUMN tagreport.failure_reasons.attempts   IS 'Attempts that ended so.';
COMMENT ON COLUMN tagreport.failure_reasons.jobs       IS 'Jobs they belong to.';
COMMENT ON COLUMN tagreport.failure_reasons.last_at    IS 'When the last of them ended.';
COMMENT ON COLUMN tagreport.failure_reasons.last_error IS 'The last one''s error, in one sentence.';

-- In two parts because the pending jobs have two partial indexes.
CREATE VIEW tagreport.pools AS
SELECT p.pool, p.slots,
       (SELECT coalesce(sum(j.slots), 0) FROM tagexec.tag_jobs j WHERE j.state = 'running' AND j.pool = p.pool) AS used,
       w.pending, w.due,
       extract(epoch FROM now() - w.oldest)::double precision AS oldest_pending_seconds,
       p.paused, p.description
  FROM tagexec.tag_pools p
 CROSS JOIN LATERAL (
       SELECT count(*)                                        AS pending,
              count(*) FILTER (WHERE q.due <= now())          AS due,
              min(q.due) FILTER (WHERE q.due <= now())        AS oldest
         FROM (SELECT greatest(j.created_at, j.run_at) AS due
                 FROM tagexec.tag_jobs j
                WHERE j.state = 'pending' AND j.mutex_key IS NULL AND j.pool = p.pool
               UNION ALL
               SELECT greatest(j.created_at, j.run_at)
                 FROM tagexec.tag_jobs j
                WHERE j.state = 'pending' AND j.mutex_key IS NOT NULL AND j.pool = p.pool) q) w;
COMMENT ON VIEW   tagreport.pools IS 'One row per pool: what it has, what is used, what waits.';
COMMENT ON COLUMN tagreport.pools.pool                   IS 'Name.';
COMMENT ON COLUMN tagreport.pools.slots                  IS 'Slots that may be in use at the same time; null means no limit.';
COMMENT ON COLUMN tagreport.pools.used                   IS 'Slots that running jobs hold.';
COMMENT ON COLUMN tagreport.pools.pending                IS 'Jobs that wait, also for their run_at.';
COMMENT ON COLUMN tagreport.pools.due                    IS 'Of these the ones that could start now.';
COMMENT ON COLUMN tagreport.pools.oldest_pending_seconds IS 'How long the longest waiting of the due jobs has been due; null when none is.';
COMMENT ON COLUMN tagreport.pools.paused                 IS 'true: nothing is started from this pool.';
COMMENT ON COLUMN tagreport.pools.description            IS 'What the pool protects.';

CREATE VIEW tagreport.executors AS
SELECT e.id, e.hostname, e.pid, e.version, e.workers,
       (SELECT count(*) FROM tagexec.tag_jobs j WHERE j.state = 'running' AND j.executor_id = e.id) AS running,
       e.kinds, e.pools, e.started_at, e.heartbeat_at, e.lease_seconds,
       e.stopped_at IS NULL AND e.reaped_at IS NULL AND e.heartbeat_at >= now() - make_interval(secs => e.lease_seconds) AS alive,
       e.stopped_at, e.reaped_at
  FROM tagexec.tag_executors e;
COMMENT ON VIEW   tagreport.executors IS 'Executor processes, running and past; a new row at each start.';
COMMENT ON COLUMN tagreport.executors.id            IS 'Random id of this start of the process.';
COMMENT ON COLUMN tagreport.executors.hostname      IS 'Host it runs on.';
COMMENT ON COLUMN tagreport.executors.pid           IS 'Process id on that host.';
COMMENT ON COLUMN tagreport.executors.version       IS 'Version of tagexec.';
COMMENT ON COLUMN tagreport.executors.workers       IS 'Jobs it can run at the same time.';
COMMENT ON COLUMN tagreport.executors.running       IS 'Jobs it has now, those on their way to a worker included.';
COMMENT ON COLUMN tagreport.executors.kinds         IS 'Kinds of job it runs.';
COMMENT ON COLUMN tagreport.executors.pools         IS 'Pools it takes jobs from; null means all.';
COMMENT ON COLUMN tagreport.executors.started_at    IS 'When it registered.';
COMMENT ON COLUMN tagreport.executors.heartbeat_at  IS 'Its last sign of life.';
COMMENT ON COLUMN tagreport.executors.lease_seconds IS 'Without a heartbeat for this long its jobs are offered to others.';
COMMENT ON COLUMN tagreport.executors.alive         IS 'It has not ended, and its last heartbeat is younger than its lease.';
COMMENT ON COLUMN tagreport.executors.stopped_at    IS 'When it ended by itself.';
COMMENT ON COLUMN tagreport.executors.reaped_at     IS 'When another executor found its lease over and took its jobs away.';

CREATE VIEW tagreport.operator_actions AS
SELECT o.id, o.at, o.by, o.ui_user, o.action, o.job_id, o.batch, o.pool, o.reason, o.before, o.after
  FROM tagexec.tag_operator_actions o;
COMMENT ON VIEW   tagreport.operator_actions IS 'Who cancelled, retried or changed what.';
COMMENT ON COLUMN tagreport.operator_actions.id      IS 'Number of the action.';
COMMENT ON COLUMN tagreport.operator_actions.at      IS 'When it was done.';
COMMENT ON COLUMN tagreport.operator_actions.by      IS 'Database user that did it.';
COMMENT ON COLUMN tagreport.operator_actions.ui_user IS 'User of the web page, if it was done there.';
COMMENT ON COLUMN tagreport.operator_actions.action  IS 'What was done, e.g. cancel_batch.';
COMMENT ON COLUMN tagreport.operator_actions.job_id  IS 'Job it was done to.';
COMMENT ON COLUMN tagreport.operator_actions.batch   IS 'Batch it was done to.';
COMMENT ON COLUMN tagreport.operator_actions.pool    IS 'Pool it was done to.';
COMMENT ON COLUMN tagreport.operator_actions.reason  IS 'Reason given.';
COMMENT ON COLUMN tagreport.operator_actions.before  IS 'State before.';
COMMENT ON COLUMN tagreport.operator_actions.after   IS 'State after.';

-- Who holds an old snapshot and since when is harmless to tell, and told with the
-- owner's rights. What it runs is not: the statement of a SQL job is its payload. So
-- the text is read with the rights of whoever asks, by the rule of Postgres: one's own
-- sessions, and all of them for a member of pg_read_all_stats. If the owner is neither
-- superuser nor such a member, state and since of other users are null; user and
-- age_transactions are always there.
CREATE FUNCTION tagreport.snapshot_sessions(OUT pid integer, OUT username name, OUT application_name text, OUT state text, OUT since timestamptz, OUT age_transactions integer)
RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
SELECT s.pid, s.usename, s.application_name, s.state, s.xact_start, greatest(age(s.backend_xid), age(s.backend_xmin))
  FROM pg_stat_activity s
 WHERE (s.backend_xid IS NOT NULL OR s.backend_xmin IS NOT NULL)
   AND (s.datname = current_database() OR s.backend_type = 'walsender')        -- a standby's feedback; other databases do not matter
   AND s.leader_pid IS NULL                                                   -- workers use their leader's snapshot
   AND s.pid <> pg_backend_pid()
   AND NOT EXISTS (SELECT FROM pg_stat_progress_vacuum v WHERE v.pid = s.pid) -- vacuums do not wait for each other
$$;
COMMENT ON FUNCTION tagreport.snapshot_sessions IS 'Internal: sessions whose snapshot holds back vacuum in this database.';

CREATE VIEW tagreport.vacuum_blockers AS
SELECT 'session' AS kind, s.pid::text AS name, s.username, s.application_name, s.state, s.since,
       extract(epoch FROM now() - s.since)::double precision AS age_seconds, s.age_transactions,
       (SELECT q.query FROM pg_catalog.pg_stat_activity q WHERE q.pid = s.pid) AS query
  FROM tagreport.snapshot_sessions() s
UNION ALL
SELECT 'replication slot', r.slot_name::text, NULL, NULL, CASE WHEN r.active THEN 'active' ELSE 'inactive' END, NULL,
       NULL, age(r.xmin), NULL
  FROM pg_catalog.pg_replication_slots r
 WHERE r.xmin IS NOT NULL -- a catalog_xmin holds back only the catalogs
UNION ALL
SELECT 'prepared transaction', p.gid, p.owner, NULL, 'prepared', p.prepared,
       extract(epoch FROM now() - p.prepared)::double precision, age(p.transaction), NULL
  FROM pg_catalog.pg_prepared_xacts p
 WHERE p.database = current_database();
COMMENT ON VIEW   tagreport.vacuum_blockers IS 'What keeps vacuum from removing dead rows of the job table, which slows down every claim: whatever is many minutes old. Other sessions'' query text needs a grant of pg_read_all_stats.';
COMMENT ON COLUMN tagreport.vacuum_blockers.kind             IS 'session, replication slot or prepared transaction.';
COMMENT ON COLUMN tagreport.vacuum_blockers.name             IS 'Process id of the session, name of the slot, identifier of the transaction.';
COMMENT ON COLUMN tagreport.vacuum_blockers.username         IS 'Database user.';
COMMENT ON COLUMN tagreport.vacuum_blockers.application_name IS 'What the session calls itself.';
COMMENT ON COLUMN tagreport.vacuum_blockers.state            IS 'Session: active, idle in transaction, …; slot: active or inactive; null if the views'' owner may not see it.';
COMMENT ON COLUMN tagreport.vacuum_blockers.since            IS 'Start of the transaction; null for a slot, or if the views'' owner may not see it.';
COMMENT ON COLUMN tagreport.vacuum_blockers.age_seconds      IS 'Since then.';
COMMENT ON COLUMN tagreport.vacuum_blockers.age_transactions IS 'Transactions begun since: dead rows of these have to stay.';
COMMENT ON COLUMN tagreport.vacuum_blockers.query            IS 'What the session runs or ran last: your own; others'' for members of pg_read_all_stats.';

-- A range of pages is summarized once it is full and not at the next vacuum: until
-- then every question about a time reads it.
ALTER INDEX tagexec.tag_job_attempts_by_finish SET (autosummarize = on);

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA tagreport FROM PUBLIC;

ALTER FUNCTION tagexec.grant_roles() RENAME TO grant_queue;
-- +goose StatementBegin
CREATE FUNCTION tagexec.grant_reports() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY '{tagexec_producer,tagexec_operator,tagexec_analyst}'::text[] LOOP
        CONTINUE WHEN NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role);
        EXECUTE format('GRANT USAGE ON SCHEMA tagreport TO %I', role);
        EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA tagreport TO %I', role);
        EXECUTE format('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tagreport TO %I', role); -- views call functions as their reader
    END LOOP;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION tagexec.grant_reports IS 'Internal: grants the group roles that exist the right to read schema tagreport.';

CREATE FUNCTION tagexec.grant_roles() RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS
'SELECT FROM tagexec.grant_queue(), tagexec.grant_reports()';
COMMENT ON FUNCTION tagexec.grant_roles IS 'Internal: grants the group roles that exist all their rights; to be called again by the owner when a role was created later.';
REVOKE EXECUTE ON FUNCTION tagexec.grant_reports, tagexec.grant_roles FROM PUBLIC;
SELECT tagexec.grant_roles();

INSERT INTO tagexec.schema_versions (version, min_compatible) VALUES (6, 1);

-- +goose Down
DELETE FROM tagexec.schema_versions WHERE version = 6;
DROP FUNCTION tagexec.grant_roles;
DROP FUNCTION tagexec.grant_reports;
ALTER FUNCTION tagexec.grant_queue() RENAME TO grant_roles;
ALTER INDEX tagexec.tag_job_attempts_by_finish RESET (autosummarize);
DROP VIEW tagreport.vacuum_blockers, tagreport.operator_actions, tagreport.executors, tagreport.pools, tagreport.failure_reasons,
          tagreport.tag_daily, tagreport.tag_freshness, tagreport.batches, tagreport.jobs;
DROP FUNCTION tagreport.snapshot_sessions;
DROP FUNCTION tagreport.days;
DROP VIEW tagreport.attempts;
DROP SCHEMA tagreport;
