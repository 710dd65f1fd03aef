-- How long do the batches of each DAG take, and how much of that passes before the
-- first job starts?
--
--   dag_id            text              Airflow DAG; null for other batches
--   batches           bigint            finished batches of the last four weeks
--   p50_seconds       double precision  median from the first submission to the end
--   p95_seconds       double precision  95th percentile of it
--   p50_wait_seconds  double precision  median from the first submission to the first start
SELECT b.dag_id,
       count(*) AS batches,
       percentile_cont(0.5)  WITHIN GROUP (ORDER BY extract(epoch FROM b.finished_at - b.created_at)) AS p50_seconds,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM b.finished_at - b.created_at)) AS p95_seconds,
       percentile_cont(0.5)  WITHIN GROUP (ORDER BY extract(epoch FROM b.first_started_at - b.created_at)) AS p50_wait_seconds
  FROM tagreport.batches b
 WHERE b.created_at >= current_date - 27
   AND b.finished_at IS NOT NULL
 GROUP BY b.dag_id
 ORDER BY p95_seconds DESC, b.dag_id;
