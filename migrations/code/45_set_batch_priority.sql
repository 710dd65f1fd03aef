-- A job that comes before others by its new priority is found by the next scan of
-- executors, within 2 s.
CREATE OR REPLACE FUNCTION tagexec.set_batch_priority(batch text, priority integer, reason text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    moved    jsonb; -- how many from which priority
    done     integer;
    left_out bigint[] = '{}'; -- one row that cannot be changed must not keep the others
BEGIN
    PERFORM tagexec.require_batch(set_batch_priority.batch);
    IF set_batch_priority.priority IS NULL OR set_batch_priority.priority NOT BETWEEN 0 AND 9 THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('priority is %s; it may be 0 to 9, and higher goes first', coalesce(set_batch_priority.priority::text, 'null'));
    END IF;
    PERFORM tagexec.lock_batch(set_batch_priority.batch);
    FOR try IN 1..2 LOOP BEGIN
    WITH locked AS MATERIALIZED (
        SELECT j.id, j.priority
          FROM tagexec.tag_jobs j
         WHERE j.batch = set_batch_priority.batch AND j.state = 'pending' AND j.priority <> set_batch_priority.priority
           AND j.id <> ALL (left_out)
         ORDER BY j.id
           FOR UPDATE
    ), changed AS (
        UPDATE tagexec.tag_jobs j
           SET priority = set_batch_priority.priority
          FROM locked l
         WHERE j.id = l.id
     RETURNING l.priority
    )
    SELECT jsonb_object_agg(c.priority, c.n), coalesce(sum(c.n), 0) INTO moved, done
      FROM (SELECT c.priority, count(*) AS n FROM changed c GROUP BY c.priority) c;
    EXIT;
    EXCEPTION WHEN OTHERS THEN
        left_out := ARRAY(SELECT i.job_id FROM tagexec.isolate_jobs(ARRAY(
            SELECT j.id FROM tagexec.tag_jobs j WHERE j.batch = set_batch_priority.batch AND j.state = 'pending')) i);
        IF try = 2 OR left_out = '{}' THEN
            RAISE;
        END IF;
        RAISE WARNING 'Postgres refuses to change the rows of jobs %, so they keep their priority',
            tagexec.listed(left_out::text[])
            USING HINT = 'SELECT * FROM tagreport.unwritable_jobs says why.';
    END; END LOOP;
    IF done > 0 THEN
        INSERT INTO tagexec.tag_operator_actions (action, batch, reason, before, after)
        VALUES ('set_batch_priority', set_batch_priority.batch, set_batch_priority.reason,
                jsonb_build_object('pending_by_priority', moved), jsonb_build_object('priority', set_batch_priority.priority, 'moved', done));
    END IF;
    RETURN done;
END
$$;
COMMENT ON FUNCTION tagexec.set_batch_priority IS 'Gives the batch''s pending jobs a priority from 0 to 9, higher first. Returns how many had another one. Raises P0002 for an unknown batch.';
