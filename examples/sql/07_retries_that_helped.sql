-- After which errors does trying again help, and after which is it in vain?
--
--   error_code  text              error of a failed attempt of the last four weeks
--   failures    bigint            attempts that ended with it
--   retried     bigint            of these, followed by another attempt of the job
--   helped      bigint            of these, followed at once by a success
--   share       double precision  helped of retried, 0 to 1; null if nothing was retried
SELECT a.error_code,
       count(*)                                            AS failures,
       count(n.attempt)                                    AS retried,
       count(*) FILTER (WHERE n.outcome = 'succeeded')     AS helped,
       count(*) FILTER (WHERE n.outcome = 'succeeded')::double precision / nullif(count(n.attempt), 0) AS share
  FROM tagreport.attempts a
  LEFT JOIN tagreport.attempts n
         ON n.job_id = a.job_id AND n.attempt = a.attempt + 1
 WHERE a.finished_at >= current_date - 27
   AND a.outcome IN ('failed', 'timed_out', 'lost')
 GROUP BY a.error_code
 ORDER BY failures DESC, a.error_code;
