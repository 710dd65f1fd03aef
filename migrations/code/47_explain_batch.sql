-- The causes are those of explain_job, in its order, found for all jobs at once. What is
-- counted among the jobs of others stops at 100,000.
CREATE OR REPLACE FUNCTION tagexec.explain_batch(batch text)
RETURNS TABLE (reason text, detail text, jobs bigint, example_job_id bigint, ahead bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM tagexec.require_batch(explain_batch.batch);
    RETURN QUERY
    WITH mine AS MATERIALIZED (
        SELECT j.id, j.state, j.kind, j.pool, j.slots, j.priority, j.run_at, j.mutex_key, j.crashes, j.failures, j.error_code, j.executor_id, j.cancel_requested_at
          FROM tagexec.tag_jobs j
         WHERE j.batch = explain_batch.batch AND j.state IN ('pending', 'running')
         LIMIT 100001
    ), ended AS (
        SELECT b.expires_at FROM tagexec.tag_batches b WHERE b.batch = explain_batch.batch AND b.expires_at <= now() AND b.expired_at IS NULL
    ), live AS MATERIALIZED (
        SELECT e.id, e.kinds, e.pools, e.batch, e.workers, e.unavailable FROM tagreport.executors e WHERE e.alive AND e.drain_requested_at IS NULL
    ), pools AS MATERIALIZED (
        SELECT m.pool, p.pool IS NOT NULL AS is_there, p.paused, p.slots,
               (SELECT coalesce(sum(r.slots), 0) FROM tagexec.tag_jobs r WHERE r.state = 'running' AND r.pool = m.pool) AS used
          FROM (SELECT DISTINCT pool FROM mine WHERE state = 'pending') m
          LEFT JOIN tagexec.tag_pools p ON p.pool = m.pool
    ), able AS MATERIALIZED ( -- who takes which jobs of the batch
        SELECT k.kind, k.pool, e.id, e.workers, e.unavailable
          FROM (SELECT DISTINCT kind, pool FROM mine WHERE state = 'pending') k
          JOIN live e ON k.kind = ANY (e.kinds) AND (e.pools IS NULL OR k.pool = ANY (e.pools)) AND (e.batch IS NULL OR e.batch = explain_batch.batch)
    ), takers AS (
        SELECT a.kind, a.pool, count(*) AS n FROM able a GROUP BY a.kind, a.pool
    ), lacks AS ( -- how many of those lack what a job needs
        SELECT m.id, count(*) AS n, min(u.missing ->> 'resource') AS resource, min(u.missing ->> 'error') AS error
          FROM able a
          JOIN mine m ON m.kind = a.kind AND m.pool = a.pool AND m.state = 'pending'
          JOIN tagexec.tag_jobs j ON j.id = m.id
         CROSS JOIN LATERAL (SELECT tagexec.missing(a.unavailable, j.kind, j.payload)) u (missing)
         WHERE a.unavailable IS NOT NULL AND u.missing IS NOT NULL
         GROUP BY m.id
    ), holders AS MATERIALIZED (
        SELECT r.mutex_key, r.id, r.tag FROM tagexec.tag_jobs r WHERE r.state || '' = 'running' AND r.mutex_key IS NOT NULL
    ), turns AS MATERIALIZED ( -- the first due job of each key
        SELECT k.pool, k.mutex_key, f.id, f.tag
          FROM (SELECT DISTINCT pool, mutex_key FROM mine WHERE state = 'pending' AND mutex_key IS NOT NULL AND EXISTS (SELECT FROM live)) k
         CROSS JOIN LATERAL (
               SELECT t.id, t.tag
                 FROM tagexec.tag_jobs t
                WHERE t.state = 'pending' AND t.mutex_key IS NOT NULL AND t.pool = k.pool AND t.mutex_key = k.mutex_key AND t.run_at <= now() AND t.crashes < 2
                  AND EXISTS (SELECT FROM live e WHERE t.kind = ANY (e.kinds) AND (e.pools IS NULL OR t.pool = ANY (e.pools)) AND (e.batch IS NULL OR e.batch = t.batch))
                ORDER BY t.priority DESC, t.run_at, t.id
                LIMIT 1) f
    ), firsts AS MATERIALIZED ( -- the job that reserves its slots in a limited pool
        SELECT p.pool, c.id, c.tag, c.slots
          FROM pools p
         CROSS JOIN LATERAL (
               SELECT c.*
                 FROM ((SELECT t.id, t.tag, t.slots, t.priority, t.run_at
                          FROM (SELECT * FROM tagexec.tag_jobs q WHERE q.state = 'pending' AND q.mutex_key IS NULL AND q.pool = p.pool
                                 ORDER BY q.priority DESC, q.run_at, q.id LIMIT 100001) t
                         WHERE t.run_at <= now() AND t.crashes < 2 AND t.slots <= p.slots
                           AND EXISTS (SELECT FROM live e WHERE t.kind = ANY (e.kinds) AND (e.pools IS NULL OR t.pool = ANY (e.pools)) AND (e.batch IS NULL OR e.batch = t.batch)
                                          AND NOT EXISTS (SELECT FROM jsonb_array_elements(e.unavailable) m WHERE m ->> 'kind' = t.kind))
                         ORDER BY t.priority DESC, t.run_at, t.id
                         LIMIT 1)
                       UNION ALL
                       (SELECT t.id, t.tag, t.slots, t.priority, t.run_at
                          FROM (SELECT * FROM tagexec.tag_jobs q WHERE q.state = 'pending' AND q.mutex_key IS NOT NULL AND q.pool = p.pool LIMIT 100001) t
                         WHERE t.run_at <= now() AND t.crashes < 2 AND t.slots <= p.slots
                           AND t.mutex_key NOT IN (SELECT h.mutex_key FROM holders h)
                           AND EXISTS (SELECT FROM live e WHERE t.kind = ANY (e.kinds) AND (e.pools IS NULL OR t.pool = ANY (e.pools)) AND (e.batch IS NULL OR e.batch = t.batch)
                                          AND NOT EXISTS (SELECT FROM jsonb_array_elements(e.unavailable) m WHERE m ->> 'kind' = t.kind))
                         ORDER BY t.priority DESC, t.run_at, t.id
                         LIMIT 1)) c
                ORDER BY c.priority DESC, c.run_at, c.id
                LIMIT 1) c
         WHERE p.slots IS NOT NULL AND p.used < p.slots AND EXISTS (SELECT FROM live)
    ), told AS (
        SELECT m.*, c.reason, c.cause
          FROM mine m
          LEFT JOIN ended x ON true
          LEFT JOIN tagexec.tag_unwritable_jobs w ON w.job_id = m.id
          LEFT JOIN pools p ON p.pool = m.pool
          LEFT JOIN takers t ON t.kind = m.kind AND t.pool = m.pool
          LEFT JOIN lacks l ON l.id = m.id
          LEFT JOIN holders h ON h.mutex_key = m.mutex_key
          LEFT JOIN turns k ON k.pool = m.pool AND k.mutex_key = m.mutex_key
          LEFT JOIN firsts f ON f.pool = m.pool
          LEFT JOIN tagreport.executors e ON m.state = 'running' AND e.id = m.executor_id
         CROSS JOIN LATERAL (
               SELECT r[1], r[2]
                 FROM (SELECT CASE
                       WHEN w.job_id IS NOT NULL       THEN ARRAY['unwritable', w.error_code]
                       WHEN m.state = 'running' AND m.cancel_requested_at IS NOT NULL THEN ARRAY['cancelling', NULL]
                       WHEN m.state = 'running' AND e.stopped_at IS NULL AND e.reaped_at IS NULL AND NOT e.alive THEN ARRAY['executor_silent', e.hostname]
                       WHEN m.state = 'running'        THEN ARRAY['running', NULL]
                       WHEN x.expires_at IS NOT NULL   THEN ARRAY['expired', NULL]
                       WHEN m.run_at > now()           THEN ARRAY[CASE WHEN m.failures > 0 OR m.error_code = 'unavailable' THEN 'retry_delay' ELSE 'not_due' END, NULL]
                       WHEN NOT p.is_there             THEN ARRAY['no_pool', m.pool]
                       WHEN p.paused                   THEN ARRAY['pool_paused', m.pool]
                       WHEN m.slots > p.slots          THEN ARRAY['too_wide', m.pool]
                       WHEN t.n IS NULL                THEN ARRAY['no_executor', format('kind %s and pool %s', m.kind, m.pool)]
                       WHEN l.n = t.n                  THEN ARRAY['unavailable', format('%s: %s', l.resource, l.error)]
                       WHEN h.id IS NOT NULL           THEN ARRAY['mutex_key', m.mutex_key]
                       WHEN p.used >= p.slots          THEN ARRAY['pool_full', m.pool]
                       WHEN m.crashes >= 2             THEN CASE WHEN m.slots > p.slots - p.used THEN ARRAY['pool_full', m.pool] ELSE ARRAY['suspect', NULL] END
                       WHEN k.id <> m.id               THEN ARRAY['mutex_key', m.mutex_key]
                       WHEN f.id = m.id AND m.slots > p.slots - p.used THEN ARRAY['pool_full', m.pool]
                       WHEN f.id <> m.id AND f.slots > p.slots - p.used THEN ARRAY['behind_wide_job', m.pool]
                       ELSE ARRAY['turn', m.pool] END) c (r)) c (reason, cause)
    ), keys AS ( -- the five that most jobs wait for are named
        SELECT t.cause FROM told t WHERE t.reason = 'mutex_key' GROUP BY t.cause ORDER BY count(*) DESC, t.cause LIMIT 5
    ), grouped AS (
        SELECT t.reason, g.cause, count(*) AS jobs, min(t.run_at) AS soonest, max(t.slots) AS widest, count(DISTINCT t.mutex_key) AS keys, count(DISTINCT t.executor_id) AS executors,
               (array_agg(t.id ORDER BY t.priority DESC, t.run_at, t.id))[1] AS example,
               min(t.priority) AS priority, (array_agg(t.run_at ORDER BY t.priority, t.run_at DESC, t.id DESC))[1] AS run_at, (array_agg(t.id ORDER BY t.priority, t.run_at DESC, t.id DESC))[1] AS last_id
          FROM told t
         CROSS JOIN LATERAL (SELECT CASE WHEN t.reason <> 'mutex_key' OR t.cause IN (SELECT k.cause FROM keys k) THEN t.cause END) g (cause)
         GROUP BY t.reason, g.cause
    )
    SELECT g.reason,
           CASE g.reason
           WHEN 'unwritable'      THEN format('Postgres refuses to change their rows (%s): tagreport.unwritable_jobs says why', g.cause)
           WHEN 'cancelling'      THEN 'they run, and were asked to stop'
           WHEN 'executor_silent' THEN format('nothing was heard of their executor on %s for its lease: the next living one takes them over', g.cause)
           WHEN 'running'         THEN format('running on %s', CASE g.executors WHEN 1 THEN 'one executor' ELSE g.executors || ' executors' END)
           WHEN 'expired'         THEN 'the batch is over: a live executor cancels them within seconds'
           WHEN 'not_due'         THEN format('not due, next at %s', date_trunc('second', g.soonest))
           WHEN 'retry_delay'     THEN format('retry delay, next at %s', date_trunc('second', g.soonest))
           WHEN 'no_pool'         THEN format('there is no pool %s: insert it', g.cause)
           WHEN 'pool_paused'     THEN format('pool %s is paused', g.cause) || coalesce((
                SELECT format(' since %s by %s', date_trunc('second', a.at), coalesce(a.ui_user, a.by)) || coalesce(format(' (%s)', a.reason), '')
                  FROM (SELECT * FROM tagexec.tag_operator_actions a WHERE a.pool = g.cause ORDER BY a.id DESC LIMIT 1) a
                 WHERE (a.after ->> 'paused')::boolean), '')
           WHEN 'too_wide'        THEN format('they need up to %s, but pool %s has %s now', tagexec.plural(g.widest, 'slot'), g.cause, p.slots)
           WHEN 'no_executor'     THEN format('no live executor for %s', g.cause)
           WHEN 'unavailable'     THEN format('no executor can use %s', g.cause)
           WHEN 'mutex_key'       THEN CASE WHEN g.cause IS NULL THEN format('%s held, or whose turn others have', tagexec.plural(g.keys, 'other mutex key') || CASE g.keys WHEN 1 THEN ' that is' ELSE ' that are' END)
                                            WHEN h.id IS NOT NULL THEN format('mutex key %s, held by job %s (%s)', g.cause, h.id, h.tag)
                                            ELSE format('mutex key %s, whose turn another job has', g.cause) END
           WHEN 'pool_full'       THEN format('pool %s is full: %s of %s %s in use', g.cause, p.used, tagexec.plural(p.slots, 'slot'), CASE p.used WHEN 1 THEN 'is' ELSE 'are' END)
           WHEN 'suspect'         THEN 'two executors died while they ran it: it waits for an idle one, to run alone'
           WHEN 'behind_wide_job' THEN format('behind job %s (%s), which waits for %s of pool %s', f.id, f.tag, tagexec.plural(f.slots, 'slot'), g.cause)
           ELSE format('their turn%s: %s on the %s such jobs', -- of several pools each is named
                       CASE WHEN count(*) FILTER (WHERE g.reason = 'turn') OVER () > 1 THEN ' in pool ' || g.cause END,
                       tagexec.plural(w.busy, 'job') || CASE w.busy WHEN 1 THEN ' runs' ELSE ' run' END,
                       tagexec.plural(w.workers, 'worker') || CASE w.workers WHEN 1 THEN ' that takes' ELSE ' that take' END) END,
           g.jobs, g.example, o.ahead
      FROM grouped g
      LEFT JOIN pools p ON p.pool = g.cause AND g.reason IN ('too_wide', 'pool_full', 'behind_wide_job', 'turn')
      LEFT JOIN firsts f ON f.pool = g.cause AND g.reason = 'behind_wide_job'
      LEFT JOIN holders h ON h.mutex_key = g.cause AND g.reason = 'mutex_key'
      LEFT JOIN LATERAL (
           SELECT sum(e.workers) AS workers, (SELECT count(*) FROM tagexec.tag_jobs r WHERE r.state = 'running' AND r.executor_id IN (SELECT a.id FROM able a WHERE a.pool = g.cause)) AS busy
             FROM live e
            WHERE e.id IN (SELECT a.id FROM able a WHERE a.pool = g.cause)) w ON g.reason = 'turn'
      LEFT JOIN LATERAL ( -- due jobs of others that come before the last of these
           SELECT least(100001, greatest(0,
                  (SELECT sum(c.n)
                     FROM generate_series(g.priority, 9) l (priority)
                    CROSS JOIN LATERAL (
                          SELECT count(*) AS n
                            FROM (SELECT FROM tagexec.tag_jobs q
                                   WHERE q.state = 'pending' AND q.mutex_key IS NULL AND q.pool = g.cause AND q.priority = l.priority AND q.run_at <= now()
                                     AND (l.priority > g.priority OR (q.run_at, q.id) < (g.run_at, g.last_id))
                                   LIMIT 100001 + g.jobs) q) c)
                + (SELECT count(*)
                     FROM (SELECT q.priority, q.run_at, q.id FROM tagexec.tag_jobs q WHERE q.state = 'pending' AND q.mutex_key IS NOT NULL AND q.pool = g.cause LIMIT 100001) q
                    WHERE q.run_at <= now() AND (q.priority > g.priority OR q.priority = g.priority AND (q.run_at, q.id) < (g.run_at, g.last_id)))
                - (SELECT count(*) FROM mine m
                    WHERE m.state = 'pending' AND m.pool = g.cause AND m.run_at <= now()
                      AND (m.priority > g.priority OR m.priority = g.priority AND (m.run_at, m.id) < (g.run_at, g.last_id)))))::bigint AS ahead
           ) o ON g.reason IN ('pool_full', 'behind_wide_job', 'turn', 'pool_paused')
     ORDER BY g.reason IN ('running', 'cancelling'), g.jobs DESC, g.reason, g.cause;
END
$$;
COMMENT ON FUNCTION tagexec.explain_batch IS 'What the unfinished jobs of a batch wait for, by cause, those of most jobs first: reason (a word), detail (a sentence), jobs, example_job_id (the first of them), and where they wait for a pool or their turn ahead: due jobs of others that come before the last of these, up to 100,000 (100,001 means more). No row: the batch is settled. Raises P0002 for an unknown batch.';
