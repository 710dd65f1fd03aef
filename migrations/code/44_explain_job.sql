-- A claim in a limited pool reserves for the first due job that any live executor
-- of that pool can run, and an executor bound to a batch runs nothing else.
CREATE OR REPLACE FUNCTION tagexec.explain_job(id bigint) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    j       tagexec.tag_jobs;
    p       tagexec.tag_pools;
    b       tagexec.tag_batches;
    other   record;
    serving uuid[]; -- live executors that take jobs from its pool
    able    uuid[]; -- those of them that can run it
    workers bigint;
    used    bigint;
    busy    bigint;
BEGIN
    SELECT * INTO j FROM tagexec.tag_jobs t WHERE t.id = explain_job.id;
    IF NOT FOUND THEN
        RETURN format('there is no job %s', coalesce(explain_job.id::text, 'null'));
    END IF;
    IF j.state IN ('succeeded', 'failed', 'cancelled') THEN
        RETURN format('%s at %s', j.state, date_trunc('second', j.finished_at))
            || CASE WHEN j.error IS NOT NULL OR j.error_code IS NOT NULL THEN ': ' || concat_ws(' ', '[' || j.error_code || ']', j.error) ELSE '' END;
    END IF;
    SELECT u.since, u.error_code, u.error INTO other FROM tagexec.tag_unwritable_jobs u WHERE u.job_id = j.id;
    IF FOUND THEN
        RETURN format('%s, and Postgres refuses to change its row, since %s: [%s] %s',
                      j.state, date_trunc('second', other.since), other.error_code, other.error);
    END IF;
    SELECT * INTO b FROM tagexec.tag_batches t WHERE t.batch = j.batch;
    IF b.expires_at <= now() AND b.expired_at IS NULL AND j.cancel_requested_at IS NULL THEN
        RETURN format('its batch was over at %s: a live executor cancels it within seconds', date_trunc('second', b.expires_at));
    END IF;
    IF j.state = 'running' THEN
        SELECT e.hostname, e.pid,
               CASE WHEN e.stopped_at IS NULL AND e.reaped_at IS NULL AND NOT e.alive
                    THEN CASE WHEN e.heartbeat_at > now() THEN 'the server''s clock was set back' ELSE date_trunc('second', e.heartbeat_at)::text END END AS silent
          INTO other FROM tagreport.executors e WHERE e.id = j.executor_id;
        RETURN format('running on %s since %s, until %s at the latest',
                      CASE WHEN FOUND THEN format('%s (process %s)', other.hostname, other.pid) ELSE 'executor ' || j.executor_id END,
                      date_trunc('second', j.started_at), date_trunc('second', j.deadline_at))
            || CASE WHEN j.retry_request IS NOT NULL THEN '; it is being cancelled and then becomes pending again'
                    WHEN j.cancel_requested_at IS NOT NULL THEN '; it was asked to stop at ' || date_trunc('second', j.cancel_requested_at)
                    WHEN b.expires_at < j.deadline_at AND b.expired_at IS NULL THEN '; its batch is over at ' || date_trunc('second', b.expires_at)
                    ELSE '' END
            || coalesce('; nothing was heard of that executor since ' || other.silent || ': the next living one takes the job over'
                        -- Engines end a statement that nobody waits for at the latest by their own limit, which a runner sets.
                        || CASE WHEN j.kind = 'sql' THEN format('; its statement may go on in the engine until %s', date_trunc('second', j.deadline_at + interval '10 s')) ELSE '' END, '');
    END IF;
    IF j.run_at > now() THEN
        RETURN format('not due until %s', date_trunc('second', j.run_at))
            || CASE WHEN b.expires_at <= j.run_at AND b.expired_at IS NULL THEN ', but its batch is over at ' || date_trunc('second', b.expires_at) ELSE '' END
            || CASE WHEN j.error_code = 'unavailable' THEN format(' (nothing ran: %s%s)', j.error, '; no executor could run it since ' || date_trunc('second', j.unavailable_since))
                    WHEN j.failures > 0 THEN format(' (failure %s of %s%s)', j.failures, j.max_attempts, ': ' || nullif(concat_ws(' ', '[' || j.error_code || ']', j.error), '')) ELSE '' END;
    END IF;
    SELECT * INTO p FROM tagexec.tag_pools t WHERE t.pool = j.pool;
    IF NOT FOUND THEN
        RETURN format('there is no pool %s: its row came without the check of an INSERT, as by replication; insert the pool', j.pool);
    END IF;
    IF p.paused THEN
        RETURN format('pool %s is paused', j.pool);
    END IF;
    IF j.slots > p.slots THEN
        RETURN format('needs %s, but pool %s has %s now', tagexec.plural(j.slots, 'slot'), j.pool, p.slots);
    END IF;
    SELECT array_agg(e.id) INTO serving
      FROM tagreport.executors e
     WHERE e.alive
       AND e.drain_requested_at IS NULL
       AND (e.pools IS NULL OR j.pool = ANY (e.pools));
    SELECT array_agg(e.id) FILTER (WHERE e.batch IS NULL OR e.batch = j.batch),
           sum(e.workers)  FILTER (WHERE e.batch IS NULL OR e.batch = j.batch),
           count(*) INTO able, workers, busy
      FROM tagexec.tag_executors e
     WHERE e.id = ANY (serving) AND j.kind = ANY (e.kinds);
    IF able IS NULL THEN
        RETURN format('no live executor for kind %s and pool %s', j.kind, j.pool)
            || CASE WHEN busy > 0 THEN format(' but %s bound to other batches', busy) ELSE '' END;
    END IF;
    SELECT array_agg(e.id) FILTER (WHERE m.missing IS NULL) AS free, sum(e.workers) FILTER (WHERE m.missing IS NULL) AS workers, count(*) AS n,
           max((m.missing ->> 'since')::timestamptz) AS since, min(m.missing ->> 'resource') AS resource, min(m.missing ->> 'error') AS error INTO other
      FROM tagexec.tag_executors e
     CROSS JOIN LATERAL (SELECT tagexec.missing(e.unavailable, j.kind, j.payload)) m (missing)
     WHERE e.id = ANY (able);
    IF other.free IS NULL THEN
        other.since := greatest(other.since, coalesce(j.unavailable_since, greatest(j.created_at, j.run_at)));
        RETURN format('no executor can run it since %s: %s is unavailable on %s: %s', date_trunc('second', other.since), other.resource,
                      CASE other.n WHEN 1 THEN 'the only one that takes such jobs' ELSE format('all %s that take such jobs', other.n) END, other.error)
            || coalesce('; it fails at ' || date_trunc('second', other.since + coalesce(make_interval(secs => j.timeout_seconds), j.deadline_at - j.started_at)) || ' if that lasts',
                        '; it fails if that lasts as long as an attempt may');
    END IF;
    able := other.free;
    workers := other.workers;
    IF j.mutex_key IS NOT NULL THEN
        SELECT t.id, t.tag INTO other FROM tagexec.tag_jobs t WHERE t.state || '' = 'running' AND t.mutex_key = j.mutex_key;
        IF FOUND THEN
            RETURN format('mutex key %s is held by job %s (%s)', j.mutex_key, other.id, other.tag);
        END IF;
    END IF;
    SELECT coalesce(sum(t.slots), 0) INTO used FROM tagexec.tag_jobs t WHERE t.state = 'running' AND t.pool = j.pool;
    IF used >= p.slots THEN
        RETURN format('pool %s is full: %s of %s %s held by %s', j.pool, used, tagexec.plural(p.slots, 'slot'), CASE used WHEN 1 THEN 'is' ELSE 'are' END,
                      (SELECT string_agg(format('job %s (%s)', t.id, t.tag), ', ')
                         FROM (SELECT q.id, q.tag FROM tagexec.tag_jobs q WHERE q.state = 'running' AND q.pool = j.pool
                                ORDER BY q.started_at, q.id LIMIT 5) t)
                      || CASE WHEN (SELECT count(*) FROM tagexec.tag_jobs q WHERE q.state = 'running' AND q.pool = j.pool) > 5 THEN ' and others' ELSE '' END);
    END IF;
    IF j.crashes >= 2 THEN
        RETURN CASE WHEN j.slots > p.slots - used THEN format('waiting for %s of pool %s, of which %s of %s %s in use', tagexec.plural(j.slots, 'slot'), j.pool, used, p.slots, CASE used WHEN 1 THEN 'is' ELSE 'are' END)
                    ELSE format('%s executors died while they ran it: it waits for one that is idle, to run alone', j.crashes) END;
    END IF;
    IF j.mutex_key IS NOT NULL THEN
        SELECT t.id, t.tag INTO other FROM tagexec.tag_jobs t
         WHERE t.state = 'pending' AND t.pool = j.pool AND t.mutex_key = j.mutex_key AND t.run_at <= now() AND t.crashes < 2
           AND (p.slots IS NULL OR t.slots <= p.slots)
           AND EXISTS (SELECT FROM tagexec.tag_executors e
                        WHERE e.id = ANY (able) AND t.kind = ANY (e.kinds) AND (e.batch IS NULL OR e.batch = t.batch))
         ORDER BY t.priority DESC, t.run_at, t.id LIMIT 1;
        IF other.id <> j.id THEN
            RETURN format('waiting behind job %s (%s), which has the same mutex key %s', other.id, other.tag, j.mutex_key);
        END IF;
    END IF;
    IF p.slots IS NOT NULL THEN
        -- The first job in order reserves its slots, whichever live executor can run
        -- it: nothing behind it starts that would not leave them free.
        WITH runs AS MATERIALIZED (
            SELECT DISTINCT k.kind, e.batch
              FROM tagexec.tag_executors e CROSS JOIN unnest(e.kinds) k (kind)
             WHERE e.id = ANY (serving)
               AND NOT EXISTS (SELECT FROM jsonb_array_elements(e.unavailable) m WHERE m ->> 'kind' = k.kind)
        )
        SELECT c.id, c.tag, c.slots INTO other
          FROM ((SELECT t.id, t.tag, t.slots, t.priority, t.run_at
                   FROM tagexec.tag_jobs t
                  WHERE t.state = 'pending' AND t.mutex_key IS NULL AND t.pool = j.pool AND t.run_at <= now() AND t.crashes < 2
                    AND t.slots <= p.slots
                    AND (t.kind IN (SELECT r.kind FROM runs r WHERE r.batch IS NULL) OR (t.kind, t.batch) IN (SELECT r.kind, r.batch FROM runs r WHERE r.batch IS NOT NULL))
                  ORDER BY t.priority DESC, t.run_at, t.id LIMIT 1)
                UNION ALL
                (SELECT t.id, t.tag, t.slots, t.priority, t.run_at
                   FROM tagexec.tag_jobs t
                  WHERE t.state = 'pending' AND t.mutex_key IS NOT NULL AND t.pool = j.pool AND t.run_at <= now() AND t.crashes < 2
                    AND t.slots <= p.slots
                    AND (t.kind IN (SELECT r.kind FROM runs r WHERE r.batch IS NULL) OR (t.kind, t.batch) IN (SELECT r.kind, r.batch FROM runs r WHERE r.batch IS NOT NULL))
                    AND t.mutex_key NOT IN (SELECT r.mutex_key FROM tagexec.tag_jobs r WHERE r.state || '' = 'running' AND r.mutex_key IS NOT NULL)
                  ORDER BY t.priority DESC, t.run_at, t.id LIMIT 1)) c
         ORDER BY c.priority DESC, c.run_at, c.id LIMIT 1;
        IF other.id = j.id AND j.slots > p.slots - used THEN
            RETURN format('waiting for %s of pool %s, of which %s of %s %s in use', tagexec.plural(j.slots, 'slot'), j.pool, used, p.slots, CASE used WHEN 1 THEN 'is' ELSE 'are' END);
        ELSIF other.id <> j.id AND other.slots > p.slots - used THEN
            RETURN format('waiting behind job %s (%s) for %s of pool %s', other.id, other.tag, tagexec.plural(other.slots, 'slot'), j.pool);
        ELSIF other.id <> j.id AND other.slots::bigint + j.slots > p.slots - used THEN -- it has room, and waits for a worker
            RETURN format('due, and waiting for its turn behind job %s (%s), for which free slots of pool %s are kept', other.id, other.tag, j.pool);
        END IF;
    END IF;
    SELECT count(*) INTO busy FROM tagexec.tag_jobs t WHERE t.state = 'running' AND t.executor_id = ANY (able);
    RETURN format('due, and waiting for its turn: %s on the %s such jobs', tagexec.plural(busy, 'job') || CASE busy WHEN 1 THEN ' runs' ELSE ' run' END,
                  tagexec.plural(workers, 'worker') || CASE workers WHEN 1 THEN ' that takes' ELSE ' that take' END);
EXCEPTION
    WHEN system_error OR data_corrupted OR index_corrupted OR internal_error THEN
        SELECT u.since, u.error_code, u.error INTO other FROM tagexec.tag_unwritable_jobs u WHERE u.job_id = explain_job.id;
        IF FOUND THEN
            RETURN format('Postgres cannot read its row, since %s: [%s] %s', date_trunc('second', other.since), other.error_code, other.error);
        END IF;
        RETURN format('%sPostgres cannot read its row, or that of a job it waits for: [%s] %s', j.state || ', but ', SQLSTATE, SQLERRM);
END
$$;
COMMENT ON FUNCTION tagexec.explain_job IS 'One sentence that says why the job is not running, where it runs, or how it ended.';
