package store

// A job that has just become due may be waiting for a start that is under way,
// as with `tagexec run`: a minute is spared.
const diagnosePendingSQL = `
WITH due AS MATERIALIZED (
    SELECT j.kind, j.pool, j.batch, count(*) AS n, min(greatest(j.run_at, j.created_at)) AS since, min(j.id) AS id
      FROM {jobs} j
     WHERE j.state = 'pending'
       AND greatest(j.run_at, j.created_at) < now() - interval '1 min'
     GROUP BY j.kind, j.pool, j.batch
), alive AS MATERIALIZED (
    SELECT e.kinds, e.pools, e.batch
      FROM {executors} e
     WHERE e.stopped_at IS NULL
       AND e.reaped_at IS NULL
       AND e.heartbeat_at >= now() - make_interval(secs => e.lease_seconds)
)
SELECT 'finding', format('%s due jobs of kind %s in pool %s have no live executor that takes them, since %s; one is job %s%s', sum(d.n), d.kind, d.pool,
                         date_trunc('second', min(d.since)), min(d.id),
                         CASE WHEN bool_or(EXISTS (SELECT FROM alive a WHERE d.kind = ANY (a.kinds) AND (a.pools IS NULL OR d.pool = ANY (a.pools))))
                              THEN '; those that are there run other batches only' ELSE '' END),
       format('Start tagexec serve where kind %s is configured, with TAGEXEC_KINDS and TAGEXEC_POOLS that allow kind %1$s and pool %s.', d.kind, d.pool)
  FROM due d
 WHERE NOT EXISTS (SELECT
                     FROM alive a
                    WHERE d.kind = ANY (a.kinds)
                      AND (a.pools IS NULL OR d.pool = ANY (a.pools))
                      AND (a.batch IS NULL OR a.batch = d.batch))
 GROUP BY d.kind, d.pool
 ORDER BY sum(d.n) DESC
 LIMIT 20`

const diagnosePoolsSQL = `
WITH jobs AS MATERIALIZED (
    SELECT j.pool,
           sum(j.slots) FILTER (WHERE j.state = 'running') AS used,
           count(*) FILTER (WHERE j.state = 'running') AS running,
           count(*) FILTER (WHERE j.state = 'pending' AND j.run_at <= now()) AS due,
           count(*) FILTER (WHERE j.state = 'pending' AND j.slots > p.slots) AS wide,
           max(j.slots) FILTER (WHERE j.state = 'pending') AS widest
      FROM {jobs} j
      JOIN {pools} p ON p.pool = j.pool
     WHERE j.state IN ('pending', 'running')
     GROUP BY j.pool
)
SELECT 'finding', format('pool %s has %s slots, and %s jobs use %s', p.pool, p.slots, j.running, j.used),
       'Nothing if the pool was made smaller just now: what runs may end; else report it, the limit must hold.'
  FROM {pools} p
  JOIN jobs j ON j.pool = p.pool
 WHERE j.used > p.slots
UNION ALL
SELECT 'finding', format('%s pending jobs are wider than pool %s now is, and never start: it has %s slots, the widest needs %s', j.wide, p.pool, p.slots, j.widest),
       format('UPDATE tagexec.tag_pools SET slots = %s WHERE pool = %L, or cancel the jobs.', j.widest, p.pool)
  FROM {pools} p
  JOIN jobs j ON j.pool = p.pool
 WHERE j.wide > 0
UNION ALL
SELECT 'info', format('pool %s is paused, and %s due jobs wait in it', p.pool, j.due), ''
  FROM {pools} p
  JOIN jobs j ON j.pool = p.pool
 WHERE p.paused AND j.due > 0`

// An executor that is alive reaps others within its lease and two heartbeats;
// half a minute is added. Jobs can also be left under one that nobody reaps any
// more, see orphansSQL.
const diagnoseExecutorsSQL = `
(SELECT 'finding', format('executor %s on %s (process %s) has not been heard of since %s, and nobody has reaped it: %s jobs run under its name',
                          e.id, e.hostname, e.pid, date_trunc('second', e.heartbeat_at),
                          (SELECT count(*) FROM {jobs} j WHERE j.state = 'running' AND j.executor_id = e.id)),
        CASE WHEN EXISTS (SELECT FROM {executors} o WHERE o.stopped_at IS NULL AND o.reaped_at IS NULL AND o.heartbeat_at >= now() - make_interval(secs => o.lease_seconds))
             THEN 'Look into the logs of the living executors: one must have been in contact with the database for a lease to reap it.'
             ELSE 'Start an executor: it offers the jobs again once it has been in contact for a lease.' END
   FROM {executors} e
  WHERE e.stopped_at IS NULL
    AND e.reaped_at IS NULL
    AND e.heartbeat_at < now() - make_interval(secs => e.lease_seconds + 30)
  ORDER BY e.heartbeat_at
  LIMIT 20)
UNION ALL
(SELECT 'finding', format('%s jobs run under executor %s, which %s; one is job %s', count(*), j.executor_id,
                          CASE WHEN e.id IS NULL THEN 'is not known' WHEN e.stopped_at IS NOT NULL THEN 'has stopped' ELSE 'was reaped' END, min(j.id)),
        'Start an executor: it offers the jobs again once it has been in contact for a lease.'
   FROM {jobs} j
   LEFT JOIN {executors} e ON e.id = j.executor_id
  WHERE j.state = 'running'
    AND (e.id IS NULL OR e.stopped_at IS NOT NULL OR e.reaped_at IS NOT NULL)
    AND j.started_at < now() - make_interval(secs => coalesce(e.lease_seconds, 30) + 30)
  GROUP BY j.executor_id, e.id, e.stopped_at
  LIMIT 20)`

// A living executor ends a job at its deadline, within the kill grace; others
// reap it a lease later.
const diagnoseDeadlinesSQL = `
SELECT 'finding', format('%s running jobs are far past their deadline; job %s (%s) had to end at %s, on %s', count(*),
                         (array_agg(j.id ORDER BY j.deadline_at))[1], (array_agg(j.tag ORDER BY j.deadline_at))[1],
                         date_trunc('second', min(j.deadline_at)), coalesce((array_agg(e.hostname ORDER BY j.deadline_at))[1], 'an unknown host')),
       'Look into the logs of its executor, which has lost contact or hangs; any other executor takes the jobs away, so start one if none runs.'
  FROM {jobs} j
  LEFT JOIN {executors} e ON e.id = j.executor_id
 WHERE j.state = 'running'
   AND j.deadline_at < now() - make_interval(secs => coalesce(e.lease_seconds, 30) + 33)
HAVING count(*) > 0`
