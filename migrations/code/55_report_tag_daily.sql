CREATE OR REPLACE VIEW tagreport.tag_daily AS
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
COMMENT ON COLUMN tagreport.tag_daily.day                    IS 'Day on which the attempts ended, in the session''s TimeZone: ALTER ROLE name SET timezone fixes it for a reader.';
COMMENT ON COLUMN tagreport.tag_daily.tag                    IS 'The tag.';
COMMENT ON COLUMN tagreport.tag_daily.pool                   IS 'The pool, as the jobs have it now.';
COMMENT ON COLUMN tagreport.tag_daily.attempts               IS 'Attempts that ended.';
COMMENT ON COLUMN tagreport.tag_daily.failures               IS 'Of these failed, timed out or lost.';
COMMENT ON COLUMN tagreport.tag_daily.p50_run_seconds        IS 'Median of run_seconds of all these attempts.';
COMMENT ON COLUMN tagreport.tag_daily.p95_run_seconds        IS '95th percentile of run_seconds.';
COMMENT ON COLUMN tagreport.tag_daily.p95_queue_wait_seconds IS '95th percentile of queue_wait_seconds.';
COMMENT ON COLUMN tagreport.tag_daily.rows_affected          IS 'Rows that SQL jobs changed; null if none told.';
COMMENT ON COLUMN tagreport.tag_daily.slot_seconds           IS 'Sum of slots * run_seconds: what the tag took of its pool.';
