package doctor

import "github.com/tagexec/tagexec/store"

// A job that became due within the last minute is no finding: its executor may
// be starting, as with `tagexec run`.
const pendingSQL = `
WITH due AS MATERIALIZED (
    SELECT j.kind, j.pool, j.batch, count(*) AS n, min(greatest(j.run_at, j.created_at)) AS since, min(j.id) AS id
      FROM {jobs} j
     WHERE j.state = 'pending'
       AND greatest(j.run_at, j.created_at) < now() - interval '1 min'
     GROUP BY j.kind, j.pool, j.batch
), alive AS MATERIALIZED (
    SELECT e.kinds, e.pools, e.batch
      FROM {executors} e
     WHERE ` + store.Alive + `
)
(SELECT 'finding', format('%s of kind %s in pool %s %s, since %s; one is job %s%s', CASE sum(d.n) WHEN 1 THEN '1 due job' ELSE sum(d.n) || ' due jobs' END, d.kind, d.pool,
                         CASE sum(d.n) WHEN 1 THEN 'has no live executor that takes it' ELSE 'have no live executor that takes them' END,
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
 LIMIT 20)
UNION ALL
(SELECT 'finding', format('%s inserted while the server''s clock was ahead, and %s for that time, until %s at the latest; one is job %s',
                         CASE count(*) WHEN 1 THEN '1 job was' ELSE count(*) || ' jobs were' END, CASE count(*) WHEN 1 THEN 'waits' ELSE 'wait' END, date_trunc('second', max(j.run_at)), min(j.id)),
        'Start an executor: it moves them to now, as those do that see the clock being set back.'
   FROM {jobs} j
  WHERE j.state = 'pending' AND j.created_at > now() + interval '1 min' AND j.run_at <= j.created_at
 HAVING count(*) > 0)`

// A row that breaks a rule can be corrected. A damaged one loses what is damaged.
const unwritableSQL = `
SELECT 'finding', format('Postgres refuses to change the rows of %s, since %s, so they are neither claimed nor cancelled; job %s: [%s] %s%s', CASE count(*) WHEN 1 THEN '1 job' ELSE count(*) || ' jobs' END, date_trunc('second', min(u.since)),
                         (array_agg(u.job_id ORDER BY u.job_id))[1], u.error_code, (array_agg(u.error ORDER BY u.job_id))[1],
                         CASE WHEN count(*) > 1 THEN '; the others are ' || array_to_string((array_agg(u.job_id ORDER BY u.job_id))[2:20], ', ') || CASE WHEN count(*) > 20 THEN ' and more' ELSE '' END ELSE '' END),
       CASE WHEN u.unreadable
            THEN 'A page of tagexec.tag_jobs is damaged: executors claim around it, slowly, and what reads whole batches may fail. Restore it from a backup; or as a superuser, SET zero_damaged_pages = on and VACUUM tagexec.tag_jobs give up all rows of the page, and REINDEX TABLE tagexec.tag_jobs follows. Find out what damaged it.'
            WHEN u.error_code ~ '^(XX|58)'
            THEN format('As the schema''s owner: UPDATE tagexec.tag_jobs SET payload = ''{}'' WHERE id = %s gives up the damaged payload (batch = NULL or mutex_key = NULL, where those are damaged), then SELECT tagexec.cancel_job(%1$s). Find out what damaged it.', min(u.job_id))
            ELSE 'Correct the rows, or the CHECK or trigger that refuses them; cancel_job cannot work on them before. They are tried again every minute.' END
  FROM (SELECT w.*, w.error ~ '\m(page|block)\M' AS unreadable
          FROM {unwritable} w
         WHERE w.error_code ~ '^(XX|58)' -- else the row can be read
            OR EXISTS (SELECT FROM {jobs} j WHERE j.id = w.job_id AND j.state IN ('pending', 'running') OFFSET 0)) u
 GROUP BY u.error_code, u.unreadable
 LIMIT 20`

const poolsSQL = `
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
SELECT 'finding', format('pool %s has %s, and %s %s', p.pool, CASE p.slots WHEN 1 THEN '1 slot' ELSE p.slots || ' slots' END, CASE j.running WHEN 1 THEN '1 job uses' ELSE j.running || ' jobs use' END, j.used),
       'Nothing if the pool was made smaller just now: what runs may end; else report it, the limit must hold.'
  FROM {pools} p
  JOIN jobs j ON j.pool = p.pool
 WHERE j.used > p.slots
UNION ALL
SELECT 'finding', format('%s wider than pool %s now is, and never %s: it has %s, the widest needs %s', CASE j.wide WHEN 1 THEN '1 pending job is' ELSE j.wide || ' pending jobs are' END, p.pool,
                         CASE j.wide WHEN 1 THEN 'starts' ELSE 'start' END, CASE p.slots WHEN 1 THEN '1 slot' ELSE p.slots || ' slots' END, j.widest),
       format('UPDATE tagexec.tag_pools SET slots = %s WHERE pool = %L, or cancel the jobs.', j.widest, p.pool)
  FROM {pools} p
  JOIN jobs j ON j.pool = p.pool
 WHERE j.wide > 0
UNION ALL
SELECT 'info', format('pool %s is paused, and %s in it', p.pool, CASE j.due WHEN 1 THEN '1 due job waits' ELSE j.due || ' due jobs wait' END), ''
  FROM {pools} p
  JOIN jobs j ON j.pool = p.pool
 WHERE p.paused AND j.due > 0`

// A living executor reaps a dead one within its lease and two heartbeats, for
// which 30 seconds are added here. The second part finds jobs of executors that
// nobody will reap any more; see store's reap.go.
const executorsSQL = `
(SELECT 'finding', format('executor %s on %s (process %s) has not been heard of since %s, and nobody has reaped it: %s under its name',
                          e.id, e.hostname, e.pid, CASE WHEN e.heartbeat_at > now() THEN 'the server''s clock was set back' ELSE date_trunc('second', e.heartbeat_at)::text END,
                          (SELECT CASE count(*) WHEN 1 THEN '1 job runs' ELSE count(*) || ' jobs run' END FROM {jobs} j WHERE j.state = 'running' AND j.executor_id = e.id)),
        CASE WHEN EXISTS (SELECT FROM {executors} e WHERE ` + store.Alive + `)
             THEN 'Look into the logs of the living executors: one must have been in contact with the database for a lease to reap it.'
             ELSE 'Start an executor: it offers the jobs again once it has been in contact for a lease.' END
   FROM {executors} e
  WHERE e.stopped_at IS NULL
    AND e.reaped_at IS NULL
    AND e.heartbeat_at NOT BETWEEN now() - make_interval(secs => e.lease_seconds + 30) AND now() + make_interval(secs => e.lease_seconds + 30)
  ORDER BY e.heartbeat_at
  LIMIT 20)
UNION ALL
(SELECT 'finding', format('%s under executor %s, which %s; one is job %s', CASE count(*) WHEN 1 THEN '1 job runs' ELSE count(*) || ' jobs run' END, j.executor_id,
                          CASE WHEN e.id IS NULL THEN 'is not known' WHEN e.stopped_at IS NOT NULL THEN 'has stopped' ELSE 'was reaped' END, min(j.id)),
        'Start an executor: it offers the jobs again once it has been in contact for a lease.'
   FROM {jobs} j
   LEFT JOIN {executors} e ON e.id = j.executor_id
  WHERE j.state = 'running'
    AND (e.id IS NULL OR e.stopped_at IS NOT NULL OR e.reaped_at IS NOT NULL)
    AND j.started_at < now() - make_interval(secs => coalesce(e.lease_seconds, {default_lease}) + 30)
  GROUP BY j.executor_id, e.id, e.stopped_at
  LIMIT 20)`

// An executor claims no job that needs what it cannot use. Others may run it.
const unavailableSQL = `
WITH alive AS MATERIALIZED (
    SELECT e.hostname, e.kinds, e.unavailable
      FROM {executors} e
     WHERE ` + store.Alive + `
)
SELECT 'finding', format('%s is unavailable to %s of the %s living executors that run kind %s, on %s, since %s: %s', u.resource, count(*),
                         (SELECT count(*) FROM alive o WHERE u.kind = ANY (o.kinds)), u.kind, string_agg(DISTINCT a.hostname, ', '),
                         date_trunc('second', min(u.since)), min(u.error)),
       format('Mend there what the error names, or leave kind %s out of TAGEXEC_KINDS there; the executor sees by itself when it can be used.', u.kind)
  FROM alive a
 CROSS JOIN jsonb_to_recordset(a.unavailable) u (kind text, resource text, since timestamptz, error text)
 GROUP BY u.kind, u.resource
 ORDER BY count(*) DESC, u.resource
 LIMIT 20`

// A living executor ends a job at its deadline, within the kill grace. If it does
// not, another executor reaps the job a lease later. 30 seconds are added here.
const deadlinesSQL = `
SELECT 'finding', format('%s far past the deadline; job %s (%s) had to end at %s, on %s', CASE count(*) WHEN 1 THEN '1 running job is' ELSE count(*) || ' running jobs are' END,
                         (array_agg(j.id ORDER BY j.deadline_at))[1], (array_agg(j.tag ORDER BY j.deadline_at))[1],
                         date_trunc('second', min(j.deadline_at)), coalesce((array_agg(e.hostname ORDER BY j.deadline_at))[1], 'an unknown host')),
       'Look into the logs of its executor, which has lost contact or hangs; any other executor takes the jobs away, so start one if none runs.'
  FROM {jobs} j
  LEFT JOIN {executors} e ON e.id = j.executor_id
 WHERE j.state = 'running'
   AND j.deadline_at < now() - make_interval(secs => coalesce(e.lease_seconds, {default_lease}) + {kill_grace} + 30)
HAVING count(*) > 0`
