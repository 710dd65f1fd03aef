-- Which hosts did the work since yesterday, and do some fail more than others?
--
--   hostname      text              host
--   attempts      bigint            attempts that ended there
--   failures      bigint            of these failed, timed out or lost
--   failure_rate  double precision  0 to 1
--   run_seconds   double precision  sum of what they took
SELECT a.hostname,
       count(*)                                                                     AS attempts,
       count(*) FILTER (WHERE a.outcome IN ('failed', 'timed_out', 'lost'))         AS failures,
       (count(*) FILTER (WHERE a.outcome IN ('failed', 'timed_out', 'lost')))::double precision / count(*) AS failure_rate,
       sum(a.run_seconds)                                                           AS run_seconds
  FROM tagreport.attempts a
 WHERE a.finished_at >= current_date - 1
 GROUP BY a.hostname
 ORDER BY failure_rate DESC, a.hostname;
