CREATE OR REPLACE FUNCTION tagexec.cancel_job(id bigint, reason text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    job record;
BEGIN
    SELECT * INTO job FROM tagexec.lock_job(cancel_job.id);
    IF job.state IS NULL OR job.state NOT IN ('pending', 'running') OR job.cancel_requested_at IS NOT NULL AND NOT job.retry_asked THEN
        RETURN false;
    END IF;
    BEGIN
        IF job.state = 'pending' THEN
            UPDATE tagexec.tag_jobs j
               SET state = 'cancelled', finished_at = clock_timestamp(), error_code = 'cancelled',
                   error = coalesce(left(cancel_job.reason, 1000), 'cancelled before it started')
             WHERE j.id = cancel_job.id;
        ELSE
            UPDATE tagexec.tag_jobs j SET cancel_requested_at = clock_timestamp(), retry_request = NULL WHERE j.id = cancel_job.id;
        END IF;
    EXCEPTION WHEN OTHERS THEN
        PERFORM tagexec.refuse_unwritable(cancel_job.id, SQLSTATE, SQLERRM);
        RAISE;
    END;
    INSERT INTO tagexec.tag_operator_actions (action, job_id, reason, before, after)
    VALUES ('cancel_job', cancel_job.id, cancel_job.reason, jsonb_build_object('state', job.state),
            CASE job.state WHEN 'pending' THEN '{"state": "cancelled"}' ELSE '{"asked_to_stop": true}' END::jsonb);
    RETURN true;
END
$$;
COMMENT ON FUNCTION tagexec.cancel_job IS 'Cancels a pending job at once or asks a running one to stop. Returns whether it did.';
