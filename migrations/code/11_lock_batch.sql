-- Submissions, cancels and retries of one batch wait for each other here, and not at
-- its row: a plain INSERT takes its jobs' keys first and a new batch's row last, and
-- everybody must keep one order.
CREATE OR REPLACE FUNCTION tagexec.lock_batch(batch text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM tagexec.batch_locks l WHERE l.slot = hashtext(lock_batch.batch) & 4095 FOR UPDATE;
END
$$;
COMMENT ON FUNCTION tagexec.lock_batch IS 'Internal: waits until nobody else changes the batch, and keeps others waiting until the transaction ends. Null locks nothing.';

CREATE OR REPLACE FUNCTION tagexec.try_lock_batch(batch text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM tagexec.batch_locks l WHERE l.slot = hashtext(try_lock_batch.batch) & 4095 FOR UPDATE SKIP LOCKED;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION tagexec.try_lock_batch IS 'Internal: as lock_batch, but does not wait. Returns whether it has the lock.';
