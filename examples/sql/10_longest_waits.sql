-- Which attempts since yesterday waited longest for their start, and was their
-- pool the reason?
--
--   job_id              bigint            the job
--   attempt             integer           its attempt
--   tag                 text              the tag
--   pool                text              the pool
--   queue_wait_seconds  double precision  from due to started
--   slots_held          double precision  slots of the pool that others held, on average while it waited; what runs still is not counted
--   pool_slots          integer           slots the pool has now; null: no limit
--   why                 text              pool full, or a guess what else
WITH recent AS MATERIALIZED (
    SELECT a.job_id, a.attempt, a.tag, a.pool, a.slots, a.queued_at, a.started_at, a.finished_at, a.queue_wait_seconds
      FROM tagreport.attempts a
     WHERE a.finished_at >= current_date - 2 -- a day more: who held the slots may have ended before
), longest AS (
    SELECT r.*
      FROM recent r
     WHERE r.finished_at >= current_date - 1
       AND r.queue_wait_seconds > 0
     ORDER BY r.queue_wait_seconds DESC, r.job_id, r.attempt
     LIMIT 20
)
SELECT l.job_id, l.attempt, l.tag, l.pool, l.queue_wait_seconds,
       coalesce(h.slots, 0) AS slots_held,
       p.slots AS pool_slots,
       CASE WHEN coalesce(h.slots, 0) + l.slots > p.slots THEN 'pool full most of the time'
            WHEN p.paused THEN 'the pool is paused now, perhaps it was then'
            ELSE 'slots were free: no free worker, a busy mutex key, or a paused pool'
       END AS why
  FROM longest l
  LEFT JOIN tagreport.pools p ON p.pool = l.pool
 CROSS JOIN LATERAL (
       SELECT sum(r.slots * extract(epoch FROM least(r.finished_at, l.started_at) - greatest(r.started_at, l.queued_at)))::double precision
              / l.queue_wait_seconds AS slots
         FROM recent r
        WHERE r.pool = l.pool
          AND r.finished_at > l.queued_at
          AND r.started_at < l.started_at) h
 ORDER BY l.queue_wait_seconds DESC, l.job_id, l.attempt;
