-- What operators do: cancel, retry, explain. Every action is on record in
-- tag_operator_actions, also a change of a pool by plain UPDATE.

-- +goose Up
-- +goose StatementBegin
CREATE FUNCTION tagexec.requeue(ids bigint[], states text[]) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    done integer;
BEGIN
    -- The states are those of the locked rows: what was running when the ids were
    -- read may have succeeded since, and what had failed may be pending already.
    WITH locked AS MATERIALIZED (
        SELECT j.id, j.state, j.cancel_requested_at
          FROM tagexec.tag_jobs j
         WHERE j.id = ANY (ids)
         ORDER BY j.id
           FOR UPDATE
    ), waiting AS (
        -- Being cancelled just now: pending again once the attempt has ended.
        UPDATE tagexec.tag_jobs j
           SET retry_request = '{}'
          FROM locked l
         WHERE j.id = l.id AND l.state = 'running' AND l.cancel_requested_at IS NOT NULL AND j.retry_request IS NULL
     RETURNING j.id
    ), again AS (
        UPDATE tagexec.tag_jobs j
           SET state = 'pending', failures = 0, crashes = 0, cancel_requested_at = NULL, retry_request = NULL, run_at = statement_timestamp(),
               rows_affected = NULL, exit_code = NULL, result = NULL, error_code = NULL, error = NULL
          FROM locked l
         WHERE j.id = l.id AND l.state <> 'running' AND l.state = ANY (states)
     RETURNING j.id
    )
    SELECT (SELECT count(*) FROM waiting) + (SELECT count(*) FROM again) INTO done;
    RETURN done;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION tagexec.requeue IS 'Internal: makes jobs in one of the states pending again, with their failures forgotten and their attempts kept; one that is being cancelled follows when its attempt has ended.';

-- +goose StatementBegin
CREATE FUNCTION tagexec.retry_batch(batch text, which text DEFAULT 'failed') RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    before jsonb;
    done   integer;
BEGIN
    PERFORM tagexec.require_batch(retry_batch.batch);
    IF which IS NULL OR which NOT IN ('failed', 'all') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('which is %s; it may be failed (failed and cancelled jobs) or all', coalesce('"' || which || '"', 'null'));
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('tagexec batch ' || retry_batch.batch, 0)); -- as submit_jobs
    SELECT jsonb_object_agg(c.state, c.n) INTO before
      FROM (SELECT j.state, count(*) AS n FROM tagexec.tag_jobs j WHERE j.batch = retry_batch.batch GROUP BY j.state) c;
    done := tagexec.requeue(ARRAY(
        SELECT j.id
          FROM tagexec.tag_jobs j
         WHERE j.batch = retry_batch.batch
           AND (j.state IN ('failed', 'cancelled')
             OR j.state = 'succeeded' AND which = 'all'
             OR j.state = 'running' AND j.cancel_requested_at IS NOT NULL)),
        CASE which WHEN 'all' THEN '{failed,cancelled,succeeded}' ELSE '{failed,cancelled}' END::text[]);
    IF done > 0 THEN
        UPDATE tagexec.tag_batches b
           SET cancel_requested_at = NULL, cancel_reason = NULL
         WHERE b.batch = retry_batch.batch;
        INSERT INTO tagexec.tag_operator_actions (action, batch, before, after)
        VALUES ('retry_batch', retry_batch.batch, before, jsonb_build_object('which', which, 'requeued', done));
    END IF;
    RETURN done;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION tagexec.retry_batch IS 'Makes the batch''s failed and cancelled jobs (which = all: also succeeded ones) pending again; attempts are kept. Returns the jobs touched. Raises P0002 for an unknown batch.';

-- +goose StatementBegin
CREATE FUNCTION tagexec.cancel_job(id bigint, reason text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    job record;
BEGIN
    -- As the functions for a batch do: of a cancel and a retry the later one must see the earlier.
    PERFORM pg_advisory_xact_lock(hashtextextended('tagexec batch ' || t.batch, 0)) FROM tagexec.tag_jobs t WHERE t.id = cancel_job.id;
    SELECT j.state, j.cancel_requested_at, j.retry_request INTO job FROM tagexec.tag_jobs j WHERE j.id = cancel_job.id FOR UPDATE;
    IF NOT FOUND OR job.state NOT IN ('pending', 'running') OR job.cancel_requested_at IS NOT NULL AND job.retry_request IS NULL THEN
        RETURN false;
    END IF;
    IF job.state = 'pending' THEN
        UPDATE tagexec.tag_jobs j
           SET state = 'cancelled', finished_at = clock_timestamp(), error_code = 'cancelled',
               error = coalesce(cancel_job.reason, 'cancelled before it started')
         WHERE j.id = cancel_job.id;
    ELSE
        UPDATE tagexec.tag_jobs j SET cancel_requested_at = clock_timestamp(), retry_request = NULL WHERE j.id = cancel_job.id;
    END IF;
    INSERT INTO tagexec.tag_operator_actions (action, job_id, reason, before, after)
    VALUES ('cancel_job', cancel_job.id, cancel_job.reason, jsonb_build_object('state', job.state),
            CASE job.state WHEN 'pending' THEN '{"state": "cancelled"}' ELSE '{"asked_to_stop": true}' END::jsonb);
    RETURN true;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION tagexec.cancel_job IS 'Cancels a pending job at once or asks a running one to stop. Returns whether it did.';

-- +goose StatementBegin
CREATE FUNCTION tagexec.retry_job(id bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    job record;
BEGIN
    -- As the functions for a batch do: of a cancel and a retry the later one must see the earlier.
    PERFORM pg_advisory_xact_lock(hashtextextended('tagexec batch ' || t.batch, 0)) FROM tagexec.tag_jobs t WHERE t.id = retry_job.id;
    SELECT j.state, j.failures, j.run_at, j.cancel_requested_at INTO job FROM tagexec.tag_jobs j WHERE j.id = retry_job.id FOR UPDATE;
    -- A pending job that waits out the delay after a failure is retried now; one that waits for its own time is not.
    IF NOT FOUND
    OR job.state = 'pending' AND (job.failures = 0 OR job.run_at <= now())
    OR job.state = 'running' AND job.cancel_requested_at IS NULL
    OR tagexec.requeue(ARRAY[retry_job.id], '{failed,cancelled,succeeded,pending}') = 0 THEN
        RETURN false;
    END IF;
    INSERT INTO tagexec.tag_operator_actions (action, job_id, before, after)
    VALUES ('retry_job', retry_job.id, jsonb_build_object('state', job.state, 'failures', job.failures),
            CASE job.state WHEN 'running' THEN '{"pending_after_cancel": true}' ELSE '{"state": "pending"}' END::jsonb);
    RETURN true;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION tagexec.retry_job IS 'Makes a job pending again that has ended, waits out a delay after a failure, or is being cancelled. Returns whether it did.';

-- +goose StatementBegin
CREATE FUNCTION tagexec.explain_job(id bigint) RETURNS text
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
COMMENT ON FUNCTION tagexec.explain_job IS 'One sentence that says why the job is not running, where it runs, or how it ended.';

-- +goose StatementBegin
CREATE FUNCTION tagexec.note_pool_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD IS NOT DISTINCT FROM NEW THEN
        RETURN NULL;
    END IF;
    INSERT INTO tagexec.tag_operator_actions (action, pool, before, after)
    VALUES (CASE TG_OP WHEN 'INSERT' THEN 'create_pool' WHEN 'UPDATE' THEN 'change_pool' ELSE 'delete_pool' END,
            CASE TG_OP WHEN 'DELETE' THEN OLD.pool ELSE NEW.pool END,
            CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END,
            CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END);
    RETURN NULL;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION tagexec.note_pool_change IS 'Internal: puts a change of a pool on record.';

CREATE TRIGGER note_pool_change AFTER INSERT OR UPDATE OR DELETE ON tagexec.tag_pools
    FOR EACH ROW EXECUTE FUNCTION tagexec.note_pool_change();
COMMENT ON TRIGGER note_pool_change ON tagexec.tag_pools IS 'Every change of a pool is on record in tag_operator_actions.';

-- +goose StatementBegin
CREATE FUNCTION tagexec.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'restrict_violation', MESSAGE = format('%I is append-only', TG_TABLE_NAME);
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION tagexec.refuse_change IS 'Internal: refuses to change an append-only table.';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tagexec.tag_operator_actions
    FOR EACH STATEMENT EXECUTE FUNCTION tagexec.refuse_change();
COMMENT ON TRIGGER append_only ON tagexec.tag_operator_actions IS 'The record of operator actions is not changed.';
CREATE TRIGGER append_only BEFORE UPDATE ON tagexec.tag_job_attempts
    FOR EACH STATEMENT EXECUTE FUNCTION tagexec.refuse_change();
COMMENT ON TRIGGER append_only ON tagexec.tag_job_attempts IS 'An attempt is written once; prune may delete it.';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA tagexec FROM PUBLIC;
INSERT INTO tagexec.schema_versions (version, min_compatible) VALUES (4, 1);

-- +goose Down
DELETE FROM tagexec.schema_versions WHERE version = 4;
DROP TRIGGER append_only ON tagexec.tag_job_attempts;
DROP TRIGGER append_only ON tagexec.tag_operator_actions;
DROP FUNCTION tagexec.refuse_change;
DROP TRIGGER note_pool_change ON tagexec.tag_pools;
DROP FUNCTION tagexec.note_pool_change;
DROP FUNCTION tagexec.explain_job;
DROP FUNCTION tagexec.retry_job;
DROP FUNCTION tagexec.cancel_job;
DROP FUNCTION tagexec.retry_batch;
DROP FUNCTION tagexec.requeue;
