-- Submissions, cancels and retries of one batch wait for each other here, and not at
-- its row: a plain INSERT takes its jobs' keys first and a new batch's row last, and
-- everybody must keep one order.
-- A transaction that was left open would keep them waiting for ever, without a word.
CREATE OR REPLACE FUNCTION tagexec.lock_batch(batch text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    callers  CONSTANT text := current_setting('lock_timeout');
    patience CONSTANT interval := least(nullif(callers::interval, '0'), '1 minute');
BEGIN
    IF batch IS NULL OR tagexec.try_lock_batch(batch) THEN
        RETURN;
    END IF;
    PERFORM set_config('lock_timeout', (extract(epoch FROM patience) * 1000)::integer::text, true);
    BEGIN
        PERFORM FROM tagexec.batch_locks l WHERE l.slot = hashtext(lock_batch.batch) & 4095 FOR UPDATE;
    EXCEPTION WHEN lock_not_available THEN
        RAISE EXCEPTION USING ERRCODE = 'lock_not_available',
            MESSAGE = format('batch "%s" has been locked for %s s by a transaction that is still open: %s', batch, extract(epoch FROM patience)::real,
                             coalesce(tagexec.batch_lockers(), 'it has just ended')),
            HINT = 'Try again once it is committed or rolled back; who may can end it with pg_terminate_backend(process).';
    END;
    PERFORM set_config('lock_timeout', callers, true);
END
$$;
COMMENT ON FUNCTION tagexec.lock_batch IS 'Internal: waits until nobody else changes the batch, for a minute at most (or the lock_timeout of the session), and keeps others waiting until the transaction ends. Null locks nothing.';

CREATE OR REPLACE FUNCTION tagexec.try_lock_batch(batch text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM tagexec.batch_locks l WHERE l.slot = hashtext(try_lock_batch.batch) & 4095 FOR UPDATE SKIP LOCKED;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION tagexec.try_lock_batch IS 'Internal: as lock_batch, but does not wait. Returns whether it has the lock.';
