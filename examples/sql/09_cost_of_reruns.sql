-- What did it cost in the last seven days to run jobs more than once?
--
--   tag                  text              the tag
--   attempts             bigint            attempts that ended
--   repeats              bigint            of these, not the first of their job
--   repeat_slot_seconds  double precision  slots × seconds that these held
--   share                double precision  of all the tag held, 0 to 1
SELECT a.tag,
       count(*)                                 AS attempts,
       count(*) FILTER (WHERE a.attempt > 1)    AS repeats,
       coalesce(sum(a.slots * a.run_seconds) FILTER (WHERE a.attempt > 1), 0) AS repeat_slot_seconds,
       coalesce(sum(a.slots * a.run_seconds) FILTER (WHERE a.attempt > 1), 0) / nullif(sum(a.slots * a.run_seconds), 0) AS share
  FROM tagreport.attempts a
 WHERE a.finished_at >= current_date - 6
 GROUP BY a.tag
HAVING count(*) FILTER (WHERE a.attempt > 1) > 0
 ORDER BY repeat_slot_seconds DESC, a.tag;
