-- Why did attempts fail in the last seven days, the most frequent reason first?
--
--   outcome     text                      failed, timed_out or lost
--   error_code  text                      SQLSTATE or a word
--   attempts    bigint                    attempts that ended so
--   tags        text[]                    tags they belong to
--   last_at     timestamp with time zone  when the last of them ended
--   last_error  text                      its error
SELECT f.outcome, f.error_code,
       sum(f.attempts)::bigint                             AS attempts,
       array_agg(DISTINCT f.tag ORDER BY f.tag)            AS tags,
       max(f.last_at)                                      AS last_at,
       (array_agg(f.last_error ORDER BY f.last_at DESC))[1] AS last_error
  FROM tagreport.failure_reasons f
 WHERE f.day >= current_date - 6
 GROUP BY f.outcome, f.error_code
 ORDER BY attempts DESC, f.outcome, f.error_code;
