CREATE OR REPLACE VIEW tagreport.failure_reasons AS
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
