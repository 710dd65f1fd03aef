CREATE OR REPLACE FUNCTION tagexec.cancel_batch(batch text, reason text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM tagexec.lock_batch(cancel_batch.batch);
    RETURN tagexec.stop_batch(batch, 'cancel_batch', reason, NULL);
END
$$;
COMMENT ON FUNCTION tagexec.cancel_batch IS 'Cancels the batch''s pending jobs at once and asks its running ones to stop. Returns the jobs touched; 0 when there is nothing to do, also for an unknown batch.';
