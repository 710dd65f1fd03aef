-- Which batches of the last two weeks were not finished when they were due?
--
--   batch         text                      key of the batch
--   dag_id        text                      Airflow DAG
--   due_at        timestamp with time zone  when it was due
--   finished_at   timestamp with time zone  when it was finished; null: still not
--   late_seconds  double precision          from due to finished, or to now
--   unfinished    bigint                    jobs that are pending or running
--   failed        bigint                    jobs that failed
--   log_url       text                      the Airflow task's log
SELECT b.batch, b.dag_id, b.due_at, b.finished_at,
       extract(epoch FROM coalesce(b.finished_at, now()) - b.due_at)::double precision AS late_seconds,
       b.pending + b.running AS unfinished,
       b.failed, b.log_url
  FROM tagreport.batches b
 WHERE b.created_at >= current_date - 13
   AND b.due_missed
 ORDER BY late_seconds DESC;
