-- What is due at once is due at statement_timestamp(), which is the time of the action
-- too: so the store's moveBack knows it if the clock was ahead and is set back.
CREATE OR REPLACE FUNCTION tagexec.requeue(ids bigint[], states text[]) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    done     integer;
    left_out bigint[] = '{}'; -- one row that cannot be changed must not keep the others
BEGIN
    FOR try IN 1..2 LOOP BEGIN
    -- The states are those of the locked rows: what was running when the ids were
    -- read may have succeeded since, and what had failed may be pending already.
    PERFORM FROM tagexec.tag_jobs j WHERE j.id = ANY (ids) AND j.id <> ALL (left_out) ORDER BY j.id FOR UPDATE;
    PERFORM tagexec.keep_attempts(ARRAY(
        SELECT j.id FROM tagexec.tag_jobs j WHERE j.id = ANY (ids) AND j.id <> ALL (left_out) AND j.state = ANY (states)));
    WITH waiting AS (
        -- Being cancelled just now: pending again once the attempt has ended.
        UPDATE tagexec.tag_jobs j
           SET retry_request = '{}'
         WHERE j.id = ANY (ids) AND j.id <> ALL (left_out) AND j.state = 'running' AND j.cancel_requested_at IS NOT NULL AND j.retry_request IS NULL
     RETURNING j.id
    ), again AS (
        UPDATE tagexec.tag_jobs j
           SET state = 'pending', failures = 0, crashes = 0, cancel_requested_at = NULL, retry_request = NULL, unavailable_since = NULL, run_at = statement_timestamp(),
               rows_affected = NULL, exit_code = NULL, result = NULL, error_code = NULL, error = NULL, attempt_is_past = true, last_outcome = NULL, last_output = NULL, last_output_bytes = NULL
         WHERE j.id = ANY (ids) AND j.id <> ALL (left_out) AND j.state <> 'running' AND j.state = ANY (states)
     RETURNING j.id
    )
    SELECT (SELECT count(*) FROM waiting) + (SELECT count(*) FROM again) INTO done;
    EXIT;
    EXCEPTION WHEN OTHERS THEN
        left_out := ARRAY(SELECT i.job_id FROM tagexec.isolate_jobs(ids) i);
        IF cardinality(ids) = 1 THEN
            PERFORM tagexec.refuse_unwritable(ids[1], SQLSTATE, SQLERRM);
        END IF;
        IF try = 2 OR left_out = '{}' THEN
            RAISE;
        END IF;
        RAISE WARNING 'Postgres refuses to change the rows of jobs %, so they are not tried again',
            tagexec.listed(left_out::text[])
            USING HINT = 'SELECT * FROM tagreport.unwritable_jobs says why.';
    END; END LOOP;
    RETURN done;
END
$$;
COMMENT ON FUNCTION tagexec.requeue IS 'Internal: makes jobs in one of the states pending again, with their failures forgotten and their attempts kept; one that is being cancelled follows when its attempt has ended.';
