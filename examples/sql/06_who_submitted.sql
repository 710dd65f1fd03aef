-- Who submitted what in the last seven days?
--
--   created_by  name                      database user
--   dag_id      text                      Airflow DAG; null for jobs that came from elsewhere
--   jobs        bigint                    jobs inserted
--   batches     bigint                    batches they belong to
--   tags        bigint                    different tags
--   failed      bigint                    jobs that failed for good
--   last_at     timestamp with time zone  when the last was inserted
SELECT j.created_by, j.dag_id,
       count(*)                                    AS jobs,
       count(DISTINCT j.batch)                     AS batches,
       count(DISTINCT j.tag)                       AS tags,
       count(*) FILTER (WHERE j.state = 'failed')  AS failed,
       max(j.created_at)                           AS last_at
  FROM tagreport.jobs j
 WHERE j.created_at >= current_date - 6
 GROUP BY j.created_by, j.dag_id
 ORDER BY jobs DESC, j.created_by, j.dag_id;
