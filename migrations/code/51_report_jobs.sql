-- A job that waits for a retry, or was cancelled while it did, still has the times
-- of the attempt before, from when it was due earlier than now: they are told from
-- those of this turn by started_at lying before due.
CREATE OR REPLACE VIEW tagreport.jobs AS
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
       b.dag_id, b.run_id, b.task_id, b.map_index, b.try_number, b.logical_date, b.log_url, j.unavailable_since
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
COMMENT ON COLUMN tagreport.jobs.unavailable_since   IS 'Since when no executor could run it, because what it needs is unavailable to all; null again when something runs.';
