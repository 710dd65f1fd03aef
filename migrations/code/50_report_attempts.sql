-- What analysts read are the views of schema tagreport. They run with the rights of
-- their owner, so a reader needs no right on schema tagexec, and payload, result and
-- output are not in them. None is a security barrier: they hide columns and no rows,
-- so a leaky predicate sees nothing that the view does not show, and a barrier would
-- only keep predicates away from the indexes.

-- The left join is to a unique key: a query that asks for none of its columns does
-- not pay for it.
CREATE OR REPLACE VIEW tagreport.attempts AS
SELECT a.job_id, a.attempt, a.tag, a.kind, a.pool, a.slots, a.batch, a.biz_date,
       a.outcome, a.queued_at, a.started_at, a.finished_at,
       -- A server clock that was set back must not make a wait negative.
       greatest(0, extract(epoch FROM a.started_at - a.queued_at))::double precision  AS queue_wait_seconds,
       greatest(0, extract(epoch FROM a.finished_at - a.started_at))::double precision AS run_seconds,
       a.executor_id, a.hostname, a.rows_affected, a.exit_code, a.error_code, a.error, a.output_bytes,
       b.dag_id, b.run_id, b.task_id, b.map_index, b.try_number, b.logical_date, b.log_url,
       a.query_id
  FROM tagexec.attempts a
  LEFT JOIN tagexec.tag_batches b ON b.batch = a.batch;
COMMENT ON VIEW   tagreport.attempts IS 'History: one row per ended attempt, with what its job was then. Ask for a range of finished_at, with or without a tag: it is found without reading the rest.';
COMMENT ON COLUMN tagreport.attempts.job_id             IS 'Job (jobs.id).';
COMMENT ON COLUMN tagreport.attempts.attempt            IS 'Number of the attempt, from 1.';
COMMENT ON COLUMN tagreport.attempts.tag                IS 'Tag the job computes.';
COMMENT ON COLUMN tagreport.attempts.kind               IS 'sql, command, http or a registered kind.';
COMMENT ON COLUMN tagreport.attempts.pool               IS 'Pool that the attempt took slots from.';
COMMENT ON COLUMN tagreport.attempts.slots              IS 'Slots that it held.';
COMMENT ON COLUMN tagreport.attempts.batch              IS 'Batch of the job.';
COMMENT ON COLUMN tagreport.attempts.biz_date           IS 'Business date the tag was computed for.';
COMMENT ON COLUMN tagreport.attempts.outcome            IS 'succeeded; failed, timed_out or lost (these count as failures); cancelled; interrupted (executor stopped, or nothing ran: unavailable).';
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
COMMENT ON COLUMN tagreport.attempts.query_id           IS 'By what the engine''s own lists and logs name the SQL statement that ran last, e.g. a process of Postgres, a query_id of ClickHouse.';
