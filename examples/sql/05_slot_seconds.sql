-- Which tags take the most of each pool in the last seven days?
--
--   pool          text              the pool
--   tag           text              the tag
--   attempts      bigint            attempts that ended
--   slot_seconds  double precision  slots × seconds that the tag held
--   share         double precision  of all that was held in the pool, 0 to 1
SELECT d.pool, d.tag,
       sum(d.attempts)::bigint AS attempts,
       sum(d.slot_seconds)     AS slot_seconds,
       sum(d.slot_seconds) / nullif(sum(sum(d.slot_seconds)) OVER (PARTITION BY d.pool), 0) AS share
  FROM tagreport.tag_daily d
 WHERE d.day >= current_date - 6
 GROUP BY d.pool, d.tag
 ORDER BY d.pool, slot_seconds DESC, d.tag;
