-- What is due at once is due at statement_timestamp(), which is the time of the action
-- too: so the store's moveBack knows it if the clock was ahead and is set back.
CREATE OR REPLACE FUNCTION tagexec.requeue(ids bigint[], states text[]) RETURNS bigint[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    done     bigint[];
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
               rows_affected = NULL, exit_code = NULL, result = NULL, error_code = NULL, error = NULL, attempt_is_past = true, last_outcome = NULL, last_output = NULL, last_output_bytes = NULL, last_query_id = NULL
         WHERE j.id = ANY (ids) AND j.id <> ALL (left_out) AND j.state <> 'running' AND j.state = ANY (states)
           -- One that waits out a pause after an attempt is tried now; one that waits for its own time is not.
           AND (j.state <> 'pending' OR (j.failures > 0 OR j.error_code = 'unavailable') AND j.run_at > now())
     RETURNING j.id
    )
    SELECT ARRAY(SELECT w.id FROM waiting w UNION ALL SELECT a.id FROM again a ORDER BY 1) INTO done;
    EXIT;
    EXCEPTION WHEN OTHERS THEN
        IF cardinality(ids) = 1 THEN
            PERFORM tagexec.refuse_unwritable(ids[1], SQLSTATE, SQLERRM);
        END IF;
        left_out := ARRAY(SELECT i.job_id FROM tagexec.isolate_jobs(ids) i);
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
COMMENT ON FUNCTION tagexec.requeue IS 'Internal: makes jobs in one of the states pending again, with their failures forgotten and their attempts kept; one that is being cancelled follows when its attempt has ended. Returns which.';

CREATE OR REPLACE FUNCTION tagexec.unexpire(ids bigint[]) RETURNS jsonb
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
WITH over AS MATERIALIZED (
    SELECT b.batch, b.expires_at
      FROM tagexec.tag_batches b
     WHERE b.expires_at <= now() AND b.batch IN (SELECT j.batch FROM tagexec.tag_jobs j WHERE j.id = ANY (ids))
     ORDER BY b.batch
       FOR UPDATE
), endless AS (
    UPDATE tagexec.tag_batches b
       SET expires_at = NULL, expired_at = NULL
      FROM over o
     WHERE b.batch = o.batch
)
SELECT jsonb_object_agg(o.batch, o.expires_at) FROM over o
$$;
COMMENT ON FUNCTION tagexec.unexpire IS 'Internal: lets the batches of these jobs that are over expire no more, and returns when they were, by batch; null for none. The caller holds their locks.';
