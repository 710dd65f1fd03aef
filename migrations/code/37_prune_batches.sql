-- Every insert shares the lock of inserts from the moment it reads its batches until it
-- ends (check_new_jobs). Who holds it alone sees all jobs that name a batch, and
-- no more come. Prune waits for it with a short limit, because inserts queue
-- behind the wait. Claims do not take it. A look beforehand spares inserts the lock when
-- there is nothing to prune.
CREATE OR REPLACE FUNCTION tagexec.prune_batches(age interval, after text, OUT deleted bigint, OUT next text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' SET jit = off AS $$
#variable_conflict use_column
DECLARE
    old text[];
BEGIN
    PERFORM tagexec.check_age(age);
    IF current_setting('transaction_isolation') <> 'read committed' THEN -- else it would not see what came before the lock
        RAISE EXCEPTION USING ERRCODE = 'invalid_transaction_state', MESSAGE = 'batches are pruned in transactions of READ COMMITTED only';
    END IF;
    old := ARRAY(
        SELECT b.batch
          FROM tagexec.tag_batches b
         WHERE greatest(b.created_at, b.due_at) <= now() - age
           AND NOT EXISTS (SELECT FROM tagexec.tag_jobs j WHERE j.batch = b.batch)
           AND b.batch > after
         ORDER BY b.batch
         LIMIT 500);
    deleted := 0;
    next := old[cardinality(old)];
    IF next IS NULL THEN
        RETURN;
    END IF;
    LOCK TABLE tagexec.insert_lock IN EXCLUSIVE MODE;
    DELETE FROM tagexec.tag_batches
     WHERE batch = ANY (ARRAY(
           SELECT b.batch
             FROM tagexec.tag_batches b
            WHERE greatest(b.created_at, b.due_at) <= now() - age
              AND NOT EXISTS (SELECT FROM tagexec.tag_jobs j WHERE j.batch = b.batch)
              AND b.batch = ANY (old)
            ORDER BY b.batch
              FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS deleted = ROW_COUNT;
END
$$;
COMMENT ON FUNCTION tagexec.prune_batches IS 'Internal: deletes the next batches after a key, 500 at most, that are older than age and have no jobs. Returns how many, and the key to go on after; null at the end. It gives up (55P03) when an insert has been under way for so long that waiting for it would keep others waiting. Called by executors.';

-- The attempts that jobs show take their host from here: so an executor goes after the
-- jobs that it ran, which are of its age or older.
CREATE OR REPLACE FUNCTION tagexec.prune_executors(age interval) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
    deleted bigint;
BEGIN
    PERFORM tagexec.check_age(age);
    DELETE FROM tagexec.tag_executors
     WHERE id = ANY (ARRAY(
           SELECT e.id
             FROM tagexec.tag_executors e
            WHERE e.started_at <= now() - age
              AND greatest(e.stopped_at, e.reaped_at) <= now() - age
              AND NOT EXISTS (SELECT FROM tagexec.tag_jobs j WHERE j.state = 'running' AND j.executor_id = e.id)
            ORDER BY e.started_at
            LIMIT 500
              FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN deleted;
END
$$;
COMMENT ON FUNCTION tagexec.prune_executors IS 'Internal: deletes executors that ended longer than age ago, 500 at most, and returns how many. Called by executors.';

CREATE OR REPLACE FUNCTION tagexec.prune_actions(age interval) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    deleted bigint;
BEGIN
    PERFORM set_config('tagexec.pruning_actions', 'on', true);
    DELETE FROM tagexec.tag_operator_actions
     WHERE id = ANY (ARRAY(SELECT a.id FROM tagexec.tag_operator_actions a WHERE a.at <= now() - age ORDER BY a.id LIMIT 2000));
    GET DIAGNOSTICS deleted = ROW_COUNT;
    PERFORM set_config('tagexec.pruning_actions', '', true);
    RETURN deleted;
END
$$;
COMMENT ON FUNCTION tagexec.prune_actions IS 'Internal: deletes actions that are older than age from the record, 2,000 at most, and returns how many. For the owner of the schema.';
