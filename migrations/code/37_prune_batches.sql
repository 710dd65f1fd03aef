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
