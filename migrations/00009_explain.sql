-- explain_job says what claims do now; doctor's eyes; batches can be pruned.

-- +goose Up
-- A claim in a limited pool reserves for the first due job that any live executor
-- of that pool can run, and an executor bound to a batch runs nothing else.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION tagexec.explain_job(id bigint) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    j       tagexec.tag_jobs;
    p       tagexec.tag_pools;
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
    IF j.state = 'running' THEN
        SELECT e.hostname, e.pid INTO other FROM tagexec.tag_executors e WHERE e.id = j.executor_id;
        RETURN format('running on %s since %s, until %s at the latest',
                      CASE WHEN FOUND THEN format('%s (process %s)', other.hostname, other.pid) ELSE 'executor ' || j.executor_id END,
                      date_trunc('second', j.started_at), date_trunc('second', j.deadline_at))
            || CASE WHEN j.retry_request IS NOT NULL THEN '; it is being cancelled and then becomes pending again'
                    WHEN j.cancel_requested_at IS NOT NULL THEN '; it was asked to stop at ' || date_trunc('second', j.cancel_requested_at)
                    ELSE '' END;
    END IF;
    IF j.run_at > now() THEN
        RETURN format('not due until %s', date_trunc('second', j.run_at))
            || CASE WHEN j.failures > 0 THEN format(' (failure %s of %s%s)', j.failures, j.max_attempts, ': ' || nullif(concat_ws(' ', '[' || j.error_code || ']', j.error), '')) ELSE '' END;
    END IF;
    SELECT * INTO p FROM tagexec.tag_pools t WHERE t.pool = j.pool;
    IF p.paused THEN
        RETURN format('pool %s is paused', j.pool);
    END IF;
    IF j.slots > p.slots THEN
        RETURN format('needs %s slots, but pool %s has %s now', j.slots, j.pool, p.slots);
    END IF;
    SELECT array_agg(e.id) INTO serving
      FROM tagexec.tag_executors e
     WHERE e.stopped_at IS NULL AND e.reaped_at IS NULL
       AND e.heartbeat_at >= now() - make_interval(secs => e.lease_seconds)
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
    IF j.mutex_key IS NOT NULL THEN
        SELECT t.id, t.tag INTO other FROM tagexec.tag_jobs t WHERE t.state || '' = 'running' AND t.mutex_key = j.mutex_key;
        IF FOUND THEN
            RETURN format('mutex key %s is held by job %s (%s)', j.mutex_key, other.id, other.tag);
        END IF;
    END IF;
    SELECT coalesce(sum(t.slots), 0) INTO used FROM tagexec.tag_jobs t WHERE t.state = 'running' AND t.pool = j.pool;
    IF used >= p.slots THEN
        RETURN format('pool %s is full: %s of %s slots are held by %s', j.pool, used, p.slots,
                      (SELECT string_agg(format('job %s (%s)', t.id, t.tag), ', ')
                         FROM (SELECT q.id, q.tag FROM tagexec.tag_jobs q WHERE q.state = 'running' AND q.pool = j.pool
                                ORDER BY q.started_at, q.id LIMIT 5) t)
                      || CASE WHEN (SELECT count(*) FROM tagexec.tag_jobs q WHERE q.state = 'running' AND q.pool = j.pool) > 5 THEN ' and others' ELSE '' END);
    END IF;
    IF j.crashes >= 2 THEN
        RETURN CASE WHEN j.slots > p.slots - used THEN format('waiting for %s slots of pool %s, of which %s of %s are in use', j.slots, j.pool, used, p.slots)
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
            RETURN format('waiting for %s slots of pool %s, of which %s of %s are in use', j.slots, j.pool, used, p.slots);
        ELSIF other.id <> j.id AND other.slots + j.slots > p.slots - used THEN
            RETURN format('waiting behind job %s (%s) for %s slots of pool %s', other.id, other.tag, other.slots, j.pool);
        END IF;
    END IF;
    SELECT count(*) INTO busy FROM tagexec.tag_jobs t WHERE t.state = 'running' AND t.executor_id = ANY (able);
    RETURN format('due, and waiting for its turn: %s jobs run on the %s workers that take such jobs', busy, workers);
END
$$;
-- +goose StatementEnd

-- Every command looks first whether the schema fits, whatever its login may do.
GRANT SELECT ON tagexec.schema_versions TO PUBLIC;

CREATE OR REPLACE VIEW tagreport.executors AS
SELECT e.id, e.hostname, e.pid, e.version, e.workers,
       (SELECT count(*) FROM tagexec.tag_jobs j WHERE j.state = 'running' AND j.executor_id = e.id) AS running,
       e.kinds, e.pools, e.started_at, e.heartbeat_at, e.lease_seconds,
       e.stopped_at IS NULL AND e.reaped_at IS NULL AND e.heartbeat_at >= now() - make_interval(secs => e.lease_seconds) AS alive,
       e.stopped_at, e.reaped_at, e.batch
  FROM tagexec.tag_executors e;
COMMENT ON COLUMN tagreport.executors.batch         IS 'Batch whose jobs alone it runs; null means all.';

-- An insert that names a batch keeps it from being pruned.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION tagexec.check_new_jobs() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- Shared by all inserts, so that they do not wait for each other; prune holds it
    -- alone for the moment in which it deletes batches without jobs. What is asked
    -- after it sees what prune deleted, but in a transaction with a snapshot of its
    -- start: that one fails there, to be repeated (40001), as with a foreign key.
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('tagexec prune', 0::bigint));
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        PERFORM FROM tagexec.tag_batches b WHERE b.batch IN (SELECT n.batch FROM new_rows n) FOR KEY SHARE;
    END IF;
    IF NOT EXISTS (
        SELECT
          FROM new_rows n
         WHERE NOT EXISTS (SELECT FROM tagexec.tag_kinds k WHERE k.kind = n.kind)
            OR NOT EXISTS (SELECT FROM tagexec.tag_pools p WHERE p.pool = n.pool AND (p.slots IS NULL OR n.slots <= p.slots))
            OR NOT EXISTS (SELECT FROM tagexec.tag_batches b WHERE b.batch = n.batch) AND n.batch IS NOT NULL
            OR octet_length(n.payload::text) > 262144)
    THEN
        RETURN NULL; -- the common case, in one look: nothing is wrong or new
    END IF;
    PERFORM tagexec.refuse_job(n.kind, n.pool, n.slots, n.payload_bytes)
       FROM (SELECT kind, pool, max(slots) AS slots, max(octet_length(payload::text)) AS payload_bytes
               FROM new_rows GROUP BY kind, pool) n
       LEFT JOIN tagexec.tag_kinds k ON k.kind = n.kind
       LEFT JOIN tagexec.tag_pools p ON p.pool = n.pool
      WHERE k.kind IS NULL OR p.pool IS NULL OR n.slots > p.slots OR n.payload_bytes > 262144;
    -- Ordered, so that two statements that bring the same new keys cannot deadlock.
    INSERT INTO tagexec.tag_batches (batch)
    SELECT n.batch
      FROM (SELECT DISTINCT batch FROM new_rows WHERE batch IS NOT NULL) n
     WHERE NOT EXISTS (SELECT FROM tagexec.tag_batches b WHERE b.batch = n.batch)
     ORDER BY n.batch
        ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

INSERT INTO tagexec.schema_versions (version, min_compatible) VALUES (9, 1);

-- +goose Down
DELETE FROM tagexec.schema_versions WHERE version = 9;
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION tagexec.check_new_jobs() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM tagexec.refuse_job(n.kind, n.pool, n.slots, n.payload_bytes)
       FROM (SELECT kind, pool, max(slots) AS slots, max(octet_length(payload::text)) AS payload_bytes
               FROM new_rows GROUP BY kind, pool) n
       LEFT JOIN tagexec.tag_kinds k ON k.kind = n.kind
       LEFT JOIN tagexec.tag_pools p ON p.pool = n.pool
      WHERE k.kind IS NULL OR p.pool IS NULL OR n.slots > p.slots OR n.payload_bytes > 262144;
    -- Ordered, so that two statements that bring the same new keys cannot deadlock.
    INSERT INTO tagexec.tag_batches (batch)
    SELECT n.batch
      FROM (SELECT DISTINCT batch FROM new_rows WHERE batch IS NOT NULL) n
     WHERE NOT EXISTS (SELECT FROM tagexec.tag_batches b WHERE b.batch = n.batch)
     ORDER BY n.batch
        ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
DROP VIEW tagreport.executors;
CREATE VIEW tagreport.executors AS
SELECT e.id, e.hostname, e.pid, e.version, e.workers,
       (SELECT count(*) FROM tagexec.tag_jobs j WHERE j.state = 'running' AND j.executor_id = e.id) AS running,
       e.kinds, e.pools, e.started_at, e.heartbeat_at, e.lease_seconds,
       e.stopped_at IS NULL AND e.reaped_at IS NULL AND e.heartbeat_at >= now() - make_interval(secs => e.lease_seconds) AS alive,
       e.stopped_at, e.reaped_at
  FROM tagexec.tag_executors e;
COMMENT ON VIEW   tagreport.executors IS 'Executor processes, running and past; a new row at each start.';
COMMENT ON COLUMN tagreport.executors.id            IS 'Random id of this start of the process.';
COMMENT ON COLUMN tagreport.executors.hostname      IS 'Host it runs on.';
COMMENT ON COLUMN tagreport.executors.pid           IS 'Process id on that host.';
COMMENT ON COLUMN tagreport.executors.version       IS 'Version of tagexec.';
COMMENT ON COLUMN tagreport.executors.workers       IS 'Jobs it can run at the same time.';
COMMENT ON COLUMN tagreport.executors.running       IS 'Jobs it has now, those on their way to a worker included.';
COMMENT ON COLUMN tagreport.executors.kinds         IS 'Kinds of job it runs.';
COMMENT ON COLUMN tagreport.executors.pools         IS 'Pools it takes jobs from; null means all.';
COMMENT ON COLUMN tagreport.executors.started_at    IS 'When it registered.';
COMMENT ON COLUMN tagreport.executors.heartbeat_at  IS 'Its last sign of life.';
COMMENT ON COLUMN tagreport.executors.lease_seconds IS 'Without a heartbeat for this long its jobs are offered to others.';
COMMENT ON COLUMN tagreport.executors.alive         IS 'It has not ended, and its last heartbeat is younger than its lease.';
COMMENT ON COLUMN tagreport.executors.stopped_at    IS 'When it ended by itself.';
COMMENT ON COLUMN tagreport.executors.reaped_at     IS 'When another executor found its lease over and took its jobs away.';
SELECT tagexec.grant_reports();
REVOKE SELECT ON tagexec.schema_versions FROM PUBLIC;
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION tagexec.explain_job(id bigint) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    j       tagexec.tag_jobs;
    p       tagexec.tag_pools;
    other   record;
    alive   uuid[];
    kinds   text[];
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
    IF j.state = 'running' THEN
        SELECT e.hostname, e.pid INTO other FROM tagexec.tag_executors e WHERE e.id = j.executor_id;
        RETURN format('running on %s since %s, until %s at the latest',
                      CASE WHEN FOUND THEN format('%s (process %s)', other.hostname, other.pid) ELSE 'executor ' || j.executor_id END,
                      date_trunc('second', j.started_at), date_trunc('second', j.deadline_at))
            || CASE WHEN j.retry_request IS NOT NULL THEN '; it is being cancelled and then becomes pending again'
                    WHEN j.cancel_requested_at IS NOT NULL THEN '; it was asked to stop at ' || date_trunc('second', j.cancel_requested_at)
                    ELSE '' END;
    END IF;
    IF j.run_at > now() THEN
        RETURN format('not due until %s', date_trunc('second', j.run_at))
            || CASE WHEN j.failures > 0 THEN format(' (failure %s of %s%s)', j.failures, j.max_attempts, ': ' || nullif(concat_ws(' ', '[' || j.error_code || ']', j.error), '')) ELSE '' END;
    END IF;
    SELECT * INTO p FROM tagexec.tag_pools t WHERE t.pool = j.pool;
    IF p.paused THEN
        RETURN format('pool %s is paused', j.pool);
    END IF;
    IF j.slots > p.slots THEN
        RETURN format('needs %s slots, but pool %s has %s now', j.slots, j.pool, p.slots);
    END IF;
    SELECT array_agg(e.id), sum(e.workers) INTO alive, workers
      FROM tagexec.tag_executors e
     WHERE e.stopped_at IS NULL AND e.reaped_at IS NULL
       AND e.heartbeat_at >= now() - make_interval(secs => e.lease_seconds)
       AND j.kind = ANY (e.kinds)
       AND (e.pools IS NULL OR j.pool = ANY (e.pools));
    IF alive IS NULL THEN
        RETURN format('no live executor for kind %s and pool %s', j.kind, j.pool);
    END IF;
    IF j.mutex_key IS NOT NULL THEN
        SELECT t.id, t.tag INTO other FROM tagexec.tag_jobs t WHERE t.state = 'running' AND t.mutex_key = j.mutex_key;
        IF FOUND THEN
            RETURN format('mutex key %s is held by job %s (%s)', j.mutex_key, other.id, other.tag);
        END IF;
    END IF;
    SELECT coalesce(sum(t.slots), 0) INTO used FROM tagexec.tag_jobs t WHERE t.state = 'running' AND t.pool = j.pool;
    IF used >= p.slots THEN
        RETURN format('pool %s is full: %s of %s slots are held by %s', j.pool, used, p.slots,
                      (SELECT string_agg(format('job %s (%s)', t.id, t.tag), ', ')
                         FROM (SELECT q.id, q.tag FROM tagexec.tag_jobs q WHERE q.state = 'running' AND q.pool = j.pool
                                ORDER BY q.started_at, q.id LIMIT 5) t)
                      || CASE WHEN (SELECT count(*) FROM tagexec.tag_jobs q WHERE q.state = 'running' AND q.pool = j.pool) > 5 THEN ' and others' ELSE '' END);
    END IF;
    IF j.crashes >= 2 THEN
        RETURN CASE WHEN j.slots > p.slots - used THEN format('waiting for %s slots of pool %s, of which %s of %s are in use', j.slots, j.pool, used, p.slots)
                    ELSE format('%s executors died while they ran it: it waits for one that is idle, to run alone', j.crashes) END;
    END IF;
    IF j.mutex_key IS NOT NULL THEN
        SELECT t.id, t.tag INTO other FROM tagexec.tag_jobs t
         WHERE t.state = 'pending' AND t.pool = j.pool AND t.mutex_key = j.mutex_key AND t.run_at <= now() AND t.crashes < 2
           AND (p.slots IS NULL OR t.slots <= p.slots)
         ORDER BY t.priority DESC, t.run_at, t.id LIMIT 1;
        IF other.id <> j.id THEN
            RETURN format('waiting behind job %s (%s), which has the same mutex key %s', other.id, other.tag, j.mutex_key);
        END IF;
    END IF;
    IF p.slots IS NOT NULL THEN
        -- The first job in order that does not fit keeps all behind it waiting, if
        -- anybody could run it.
        SELECT array_agg(DISTINCT k) INTO kinds
          FROM tagexec.tag_executors e CROSS JOIN unnest(e.kinds) k
         WHERE e.id = ANY (alive);
        SELECT c.id, c.tag, c.slots INTO other
          FROM ((SELECT t.id, t.tag, t.slots, t.priority, t.run_at
                   FROM tagexec.tag_jobs t
                  WHERE t.state = 'pending' AND t.mutex_key IS NULL AND t.pool = j.pool AND t.run_at <= now() AND t.crashes < 2
                    AND t.slots <= p.slots AND t.kind = ANY (kinds)
                  ORDER BY t.priority DESC, t.run_at, t.id LIMIT 1)
                UNION ALL
                (SELECT t.id, t.tag, t.slots, t.priority, t.run_at
                   FROM tagexec.tag_jobs t
                  WHERE t.state = 'pending' AND t.mutex_key IS NOT NULL AND t.pool = j.pool AND t.run_at <= now() AND t.crashes < 2
                    AND t.slots <= p.slots AND t.kind = ANY (kinds)
                    AND NOT EXISTS (SELECT FROM tagexec.tag_jobs r WHERE r.state = 'running' AND r.mutex_key = t.mutex_key)
                  ORDER BY t.priority DESC, t.run_at, t.id LIMIT 1)) c
         ORDER BY c.priority DESC, c.run_at, c.id LIMIT 1;
        IF other.id = j.id AND j.slots > p.slots - used THEN
            RETURN format('waiting for %s slots of pool %s, of which %s of %s are in use', j.slots, j.pool, used, p.slots);
        ELSIF other.id <> j.id AND other.slots > p.slots - used THEN
            RETURN format('waiting behind job %s (%s) for %s slots of pool %s', other.id, other.tag, other.slots, j.pool);
        END IF;
    END IF;
    SELECT count(*) INTO busy FROM tagexec.tag_jobs t WHERE t.state = 'running' AND t.executor_id = ANY (alive);
    RETURN format('due, and waiting for its turn: %s jobs run on the %s workers that take such jobs', busy, workers);
END
$$;
-- +goose StatementEnd
