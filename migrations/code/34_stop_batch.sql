CREATE OR REPLACE FUNCTION tagexec.stop_jobs(ids bigint[], reason text, most integer, OUT ended bigint[], OUT stopped bigint[])
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    left_out bigint[] = '{}'; -- one row that cannot be changed must not keep the others
BEGIN
    FOR try IN 1..2 LOOP BEGIN
    WITH locked AS MATERIALIZED (
        SELECT j.id, j.state
          FROM tagexec.tag_jobs j
         WHERE j.id = ANY (ids) AND j.state IN ('pending', 'running')
           AND (j.cancel_requested_at IS NULL OR j.retry_request IS NOT NULL)
           AND j.id <> ALL (left_out)
         ORDER BY j.id
         LIMIT most
           FOR UPDATE
    ), pending AS (
        UPDATE tagexec.tag_jobs j
           SET state = 'cancelled', finished_at = clock_timestamp(), error_code = 'cancelled',
               error = coalesce(left(stop_jobs.reason, 1000), 'cancelled before it started')
          FROM locked l
         WHERE j.id = l.id AND l.state = 'pending'
     RETURNING j.id
    ), running AS (
        UPDATE tagexec.tag_jobs j
           SET cancel_requested_at = clock_timestamp(), retry_request = NULL
          FROM locked l
         WHERE j.id = l.id AND l.state = 'running'
     RETURNING j.id
    )
    SELECT ARRAY(SELECT p.id FROM pending p ORDER BY p.id), ARRAY(SELECT r.id FROM running r ORDER BY r.id) INTO ended, stopped;
    EXIT;
    EXCEPTION WHEN OTHERS THEN
        IF cardinality(ids) = 1 THEN
            PERFORM tagexec.refuse_unwritable(ids[1], SQLSTATE, SQLERRM);
        END IF;
        left_out := ARRAY(SELECT i.job_id FROM tagexec.isolate_jobs(ids) i);
        IF try = 2 OR left_out = '{}' THEN
            RAISE;
        END IF;
        RAISE WARNING 'Postgres refuses to change the rows of jobs %, so they are not cancelled',
            tagexec.listed(left_out::text[])
            USING HINT = 'SELECT * FROM tagreport.unwritable_jobs says why.';
    END; END LOOP;
END
$$;
COMMENT ON FUNCTION tagexec.stop_jobs IS 'Internal: cancels the pending ones of these jobs and asks the running ones to stop, up to so many of them (null: all). Returns which. The caller holds the locks of their batches.';

CREATE OR REPLACE FUNCTION tagexec.stop_batch(batch text, action text, reason text, most integer) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    jobs record;
BEGIN
    SELECT cardinality(s.ended) AS ended, cardinality(s.stopped) AS stopped INTO jobs
      FROM tagexec.stop_jobs(ARRAY(
           SELECT j.id FROM tagexec.tag_jobs j WHERE j.batch = stop_batch.batch AND j.state IN ('pending', 'running')), stop_batch.reason, most) s;
    IF jobs.ended + jobs.stopped > 0 THEN
        UPDATE tagexec.tag_batches b
           SET cancel_requested_at = clock_timestamp(), cancel_reason = stop_batch.reason
         WHERE b.batch = stop_batch.batch;
        INSERT INTO tagexec.tag_operator_actions (action, batch, reason, before, after)
        VALUES (stop_batch.action, stop_batch.batch, stop_batch.reason,
                jsonb_build_object('pending', jobs.ended, 'running', jobs.stopped),
                jsonb_build_object('cancelled', jobs.ended, 'asked_to_stop', jobs.stopped));
    END IF;
    RETURN jobs.ended + jobs.stopped;
END
$$;
COMMENT ON FUNCTION tagexec.stop_batch IS 'Internal: cancels up to so many jobs of a batch (null: all) and puts that on record. The caller holds the lock of the batch.';
