CREATE OR REPLACE FUNCTION tagexec.retry_job(id bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    job     record;
    expired jsonb; -- the time that is taken from a batch which had expired
BEGIN
    SELECT * INTO job FROM tagexec.lock_job(retry_job.id);
    -- A pending job that waits out a pause after an attempt is retried now; one that waits for its own time is not.
    IF job.state IS NULL
    OR job.state = 'pending' AND (job.failures = 0 AND job.error_code IS DISTINCT FROM 'unavailable' OR job.run_at <= now())
    OR job.state = 'running' AND job.cancel_requested_at IS NULL
    OR tagexec.requeue(ARRAY[retry_job.id], '{failed,cancelled,succeeded,pending}') = 0 THEN
        RETURN false;
    END IF;
    SELECT jsonb_build_object('expires_at', b.expires_at) INTO expired FROM tagexec.tag_batches b WHERE b.batch = job.batch AND b.expires_at <= now();
    UPDATE tagexec.tag_batches b
       SET expires_at = NULL, expired_at = NULL
     WHERE b.batch = job.batch AND b.expires_at <= now();
    INSERT INTO tagexec.tag_operator_actions (at, action, job_id, before, after)
    VALUES (statement_timestamp(), 'retry_job', retry_job.id, jsonb_build_object('state', job.state, 'failures', job.failures) || coalesce(expired, '{}'),
            CASE job.state WHEN 'running' THEN '{"pending_after_cancel": true}' ELSE '{"state": "pending"}' END::jsonb
            || CASE WHEN expired IS NULL THEN '{}' ELSE '{"expires_at": null}' END::jsonb);
    RETURN true;
END
$$;
COMMENT ON FUNCTION tagexec.retry_job IS 'Makes a job pending again that has ended, waits out a pause after an attempt, or is being cancelled; a batch that had expired expires no more. Returns whether it did.';
