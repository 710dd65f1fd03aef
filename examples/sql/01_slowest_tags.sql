-- Which tags ran slower since yesterday than in the week before?
--
--   tag                   text              the tag
--   attempts              bigint            attempts that succeeded since yesterday
--   p50_run_seconds       double precision  their median
--   week_p50_run_seconds  double precision  median of the seven days before
--   slower                double precision  the first as a multiple of the second; null for a new tag
SELECT a.tag,
       count(*) FILTER (WHERE a.finished_at >= current_date - 1) AS attempts,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY a.run_seconds) FILTER (WHERE a.finished_at >= current_date - 1) AS p50_run_seconds,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY a.run_seconds) FILTER (WHERE a.finished_at <  current_date - 1) AS week_p50_run_seconds,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY a.run_seconds) FILTER (WHERE a.finished_at >= current_date - 1)
           / nullif(percentile_cont(0.5) WITHIN GROUP (ORDER BY a.run_seconds) FILTER (WHERE a.finished_at < current_date - 1), 0) AS slower
  FROM tagreport.attempts a
 WHERE a.finished_at >= current_date - 8
   AND a.outcome = 'succeeded'
 GROUP BY a.tag
HAVING count(*) FILTER (WHERE a.finished_at >= current_date - 1) > 0
 ORDER BY slower DESC NULLS LAST, a.tag;
