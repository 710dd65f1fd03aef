-- How many slots of each pool were in use at the same time, hour by hour since
-- yesterday? (What ended before yesterday and what is waiting does not count.)
--
--   hour        timestamp with time zone  begin of the hour
--   pool        text                      the pool
--   peak_slots  bigint                    most slots in use at one moment, among those at which an attempt began
--   pool_slots  integer                   slots the pool has now; null: no limit
WITH work AS (
    SELECT a.pool, a.slots, a.started_at, a.finished_at
      FROM tagreport.attempts a
     WHERE a.finished_at >= current_date - 1
    UNION ALL
    SELECT j.pool, j.slots, j.started_at, 'infinity'
      FROM tagreport.jobs j
     WHERE j.state = 'running'
), changes AS (
    SELECT w.pool, w.started_at AS at, w.slots FROM work w
    UNION ALL
    SELECT w.pool, w.finished_at, -w.slots FROM work w
), levels AS (
    -- What ends at a moment makes room for what begins at it.
    SELECT c.pool, c.at, c.slots > 0 AS begins, sum(c.slots) OVER (PARTITION BY c.pool ORDER BY c.at, c.slots) AS slots
      FROM changes c
)
SELECT date_trunc('hour', l.at) AS hour, l.pool, max(l.slots) AS peak_slots, p.slots AS pool_slots
  FROM levels l
  LEFT JOIN tagreport.pools p ON p.pool = l.pool
 WHERE l.begins
 GROUP BY hour, l.pool, p.slots
 ORDER BY hour, l.pool;
