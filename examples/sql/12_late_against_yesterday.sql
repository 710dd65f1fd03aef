-- Which tags had succeeded by this time yesterday, but have not today?
--
--   tag           text                      the tag
--   yesterday_at  timestamp with time zone  when it first succeeded in the 24 hours that ended yesterday at this time
--   late_seconds  double precision          since the same time today
--   unfinished    bigint                    jobs of the tag that are pending or running
WITH tags AS (
    SELECT a.tag,
           min(a.finished_at) FILTER (WHERE a.finished_at <= now() - interval '24 hours') AS yesterday_at,
           count(*) FILTER (WHERE a.finished_at > now() - interval '24 hours')            AS today
      FROM tagreport.attempts a
     WHERE a.finished_at > now() - interval '48 hours'
       AND a.outcome = 'succeeded'
     GROUP BY a.tag
)
SELECT t.tag, t.yesterday_at,
       extract(epoch FROM now() - interval '24 hours' - t.yesterday_at)::double precision AS late_seconds,
       (SELECT count(*)
          FROM tagreport.jobs j
         WHERE j.tag = t.tag
           AND j.created_at > now() - interval '48 hours'
           AND j.state IN ('pending', 'running')) AS unfinished
  FROM tags t
 WHERE t.yesterday_at IS NOT NULL
   AND t.today = 0
 ORDER BY late_seconds DESC, t.tag;
