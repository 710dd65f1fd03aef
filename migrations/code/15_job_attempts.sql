-- The parts have no condition of their own, and the executor is joined outside: so the
-- planner goes into both by the number of a job, by time or by tag, whatever asks.
CREATE OR REPLACE VIEW tagexec.attempts AS
SELECT a.job_id, a.attempt, a.executor_id, coalesce(a.hostname, e.hostname, '') AS hostname, a.queued_at, a.started_at, a.finished_at,
       a.outcome, a.rows_affected, a.exit_code, a.error_code, a.error, a.output, coalesce(a.output_bytes, 0) AS output_bytes,
       a.tag, a.kind, a.pool, a.slots, a.batch, a.biz_date, a.query_id
  FROM (SELECT p.job_id, p.attempt, p.executor_id, p.hostname, p.queued_at, p.started_at, p.finished_at,
               p.outcome, p.rows_affected, p.exit_code, p.error_code, p.error, p.output, p.output_bytes,
               p.tag, p.kind, p.pool, p.slots, p.batch, p.biz_date, p.query_id, true AS has_ended
          FROM tagexec.tag_past_attempts p
        UNION ALL
        SELECT j.id, j.attempt, j.executor_id, NULL::text, greatest(j.created_at, j.run_at), j.started_at, j.finished_at,
               CASE j.state WHEN 'failed' THEN j.last_outcome ELSE j.state END, j.rows_affected, j.exit_code, j.error_code, j.error, j.last_output, j.last_output_bytes,
               j.tag, j.kind, j.pool, j.slots, j.batch, j.biz_date, j.last_query_id, j.finished_at IS NOT NULL AND j.state IN ('succeeded', 'failed', 'cancelled') AND j.attempt > 0 AND NOT j.attempt_is_past
          FROM tagexec.tag_jobs j) a
  LEFT JOIN tagexec.tag_executors e ON e.id = a.executor_id
 WHERE a.has_ended;
COMMENT ON VIEW   tagexec.attempts IS 'Internal: tag_job_attempts, with what the job of each was then.';
COMMENT ON COLUMN tagexec.attempts.job_id        IS 'Job (tag_jobs.id).';
COMMENT ON COLUMN tagexec.attempts.attempt       IS 'Number of the attempt, as tag_jobs.attempt was while it ran.';
COMMENT ON COLUMN tagexec.attempts.executor_id   IS 'Executor that ran the attempt (tag_executors.id).';
COMMENT ON COLUMN tagexec.attempts.hostname      IS 'Host of the executor.';
COMMENT ON COLUMN tagexec.attempts.queued_at     IS 'When the job was due: the later of created_at and run_at.';
COMMENT ON COLUMN tagexec.attempts.started_at    IS 'When the attempt was claimed.';
COMMENT ON COLUMN tagexec.attempts.finished_at   IS 'When its result was stored.';
COMMENT ON COLUMN tagexec.attempts.outcome       IS 'succeeded, failed, timed_out, cancelled, interrupted (executor stopped; not counted) or lost (executor died).';
COMMENT ON COLUMN tagexec.attempts.rows_affected IS 'Rows a SQL job changed.';
COMMENT ON COLUMN tagexec.attempts.exit_code     IS 'Exit code of a command, status of an HTTP response.';
COMMENT ON COLUMN tagexec.attempts.error_code    IS 'SQLSTATE or a word.';
COMMENT ON COLUMN tagexec.attempts.error         IS 'What went wrong, in one sentence.';
COMMENT ON COLUMN tagexec.attempts.output        IS 'Head and tail of what was printed or answered; valid UTF-8, marked where it was cut.';
COMMENT ON COLUMN tagexec.attempts.output_bytes  IS 'True length of the output in bytes.';
COMMENT ON COLUMN tagexec.attempts.tag           IS 'Tag of the job.';
COMMENT ON COLUMN tagexec.attempts.kind          IS 'Kind of the job.';
COMMENT ON COLUMN tagexec.attempts.pool          IS 'Pool that the attempt took slots from.';
COMMENT ON COLUMN tagexec.attempts.slots         IS 'Slots that it held.';
COMMENT ON COLUMN tagexec.attempts.batch         IS 'Batch of the job.';
COMMENT ON COLUMN tagexec.attempts.biz_date      IS 'Business date of the job.';
COMMENT ON COLUMN tagexec.attempts.query_id      IS 'By what the engine''s own lists and logs name the SQL statement that ran last.';
-- What a job was then is not in it: a query that joins it with tag_jobs would have to say
-- whose columns it means.
CREATE OR REPLACE VIEW tagexec.tag_job_attempts AS
SELECT job_id, attempt, executor_id, hostname, queued_at, started_at, finished_at, outcome, rows_affected, exit_code, error_code, error, output, output_bytes, query_id
  FROM tagexec.attempts;
COMMENT ON VIEW   tagexec.tag_job_attempts IS 'History: one row per ended attempt.';
COMMENT ON COLUMN tagexec.tag_job_attempts.job_id        IS 'Job (tag_jobs.id).';
COMMENT ON COLUMN tagexec.tag_job_attempts.attempt       IS 'Number of the attempt, as tag_jobs.attempt was while it ran.';
COMMENT ON COLUMN tagexec.tag_job_attempts.executor_id   IS 'Executor that ran the attempt (tag_executors.id).';
COMMENT ON COLUMN tagexec.tag_job_attempts.hostname      IS 'Host of the executor.';
COMMENT ON COLUMN tagexec.tag_job_attempts.queued_at     IS 'When the job was due: the later of created_at and run_at.';
COMMENT ON COLUMN tagexec.tag_job_attempts.started_at    IS 'When the attempt was claimed.';
COMMENT ON COLUMN tagexec.tag_job_attempts.finished_at   IS 'When its result was stored.';
COMMENT ON COLUMN tagexec.tag_job_attempts.outcome       IS 'succeeded, failed, timed_out, cancelled, interrupted (executor stopped; not counted) or lost (executor died).';
COMMENT ON COLUMN tagexec.tag_job_attempts.rows_affected IS 'Rows a SQL job changed.';
COMMENT ON COLUMN tagexec.tag_job_attempts.exit_code     IS 'Exit code of a command, status of an HTTP response.';
COMMENT ON COLUMN tagexec.tag_job_attempts.error_code    IS 'SQLSTATE or a word.';
COMMENT ON COLUMN tagexec.tag_job_attempts.error         IS 'What went wrong, in one sentence.';
COMMENT ON COLUMN tagexec.tag_job_attempts.output        IS 'Head and tail of what was printed or answered; valid UTF-8, marked where it was cut.';
COMMENT ON COLUMN tagexec.tag_job_attempts.output_bytes  IS 'True length of the output in bytes.';
COMMENT ON COLUMN tagexec.tag_job_attempts.query_id      IS 'By what the engine''s own lists and logs name the SQL statement that ran last.';

-- Who calls it has locked the jobs in a statement before, so it sees them as they are.
CREATE OR REPLACE FUNCTION tagexec.keep_attempts(ids bigint[]) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
INSERT INTO tagexec.tag_past_attempts (job_id, attempt, executor_id, hostname, queued_at, started_at, finished_at, outcome,
                                       rows_affected, exit_code, error_code, error, output, output_bytes, tag, kind, pool, slots, batch, biz_date, query_id)
SELECT a.job_id, a.attempt, a.executor_id, a.hostname, a.queued_at, a.started_at, a.finished_at, a.outcome,
       a.rows_affected, a.exit_code, a.error_code, a.error, a.output, a.output_bytes, a.tag, a.kind, a.pool, a.slots, a.batch, a.biz_date, a.query_id
  FROM tagexec.tag_jobs j
  JOIN tagexec.attempts a ON a.job_id = j.id
 WHERE j.id = ANY (ids) AND NOT j.attempt_is_past
$$;
COMMENT ON FUNCTION tagexec.keep_attempts IS 'Internal: writes the attempts that these jobs show to tag_past_attempts, before they go on. Who calls it clears the jobs of them, and sets attempt_is_past.';
