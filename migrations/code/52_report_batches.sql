-- Lateral, so that a few batches read their own jobs by index and not the whole table.
CREATE OR REPLACE VIEW tagreport.batches AS
SELECT b.batch, b.dag_id, b.run_id, b.task_id, b.map_index, b.try_number, b.logical_date, b.log_url,
       b.created_at, b.created_by, b.submit_count, b.due_at, b.cancel_requested_at, b.cancel_reason,
       c.jobs, c.pending, c.running, c.succeeded, c.failed, c.cancelled,
       -- A job keeps the start of its last attempt; where that was not the first, history has it.
       least(c.first_started_at,
             (SELECT min(a.started_at)
                FROM tagexec.tag_jobs j
                JOIN tagexec.tag_past_attempts a ON a.job_id = j.id AND a.attempt = 1
               WHERE j.batch = b.batch AND j.attempt > 1)) AS first_started_at,
       f.finished_at,
       coalesce(c.jobs > 0 AND coalesce(f.finished_at, now()) > b.due_at, false) AS due_missed,
       b.expires_at
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
COMMENT ON COLUMN tagreport.batches.expires_at          IS 'When it is over: what is left of it then is cancelled; null means never.';
