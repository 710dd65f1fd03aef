-- One batch a call, so that nobody waits for the jobs of one with those of another
-- locked. A batch that somebody changes or expires just now is passed over, and so
-- is one that cannot be changed: it must not keep the others from being over.
CREATE OR REPLACE FUNCTION tagexec.expire_batches() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' SET jit = off AS $$
DECLARE
    most CONSTANT integer := 5000; -- jobs, so that a call stays short
    due  record;
BEGIN
    FOR due IN
        SELECT b.batch
          FROM tagexec.tag_batches b
         WHERE b.expires_at <= now() AND b.expired_at IS NULL
         ORDER BY b.expires_at, b.batch
         LIMIT 100
    LOOP
        CONTINUE WHEN NOT tagexec.try_lock_batch(due.batch);
        -- What was read before the lock was taken may have been replaced.
        SELECT b.batch, b.expires_at INTO due
          FROM tagexec.tag_batches b
         WHERE b.batch = due.batch AND b.expires_at <= now() AND b.expired_at IS NULL;
        CONTINUE WHEN NOT FOUND;
        BEGIN
            IF tagexec.stop_batch(due.batch, 'expire_batch', format('expired at %s', due.expires_at), most) < most THEN
                UPDATE tagexec.tag_batches b SET expired_at = clock_timestamp() WHERE b.batch = due.batch;
            END IF;
            RETURN true;
        EXCEPTION WHEN OTHERS THEN
            RAISE WARNING 'batch "%" expired at %, but could not be cancelled: %', due.batch, due.expires_at, SQLERRM;
        END;
    END LOOP;
    RETURN false;
END
$$;
COMMENT ON FUNCTION tagexec.expire_batches IS 'Internal: cancels what is left of a batch whose expires_at has come, by the time of the database. Returns whether there was one, and then there may be more. Called by executors.';
