-- A statement for many jobs fails as a whole where Postgres refuses one row, because
-- it is damaged, or breaks a CHECK or a trigger's rule that came after it. This finds
-- out which rows are refused: it does to each what comes next for it, and undoes
-- that. A row that another session holds is passed over.
CREATE OR REPLACE FUNCTION tagexec.try_jobs(ids bigint[]) RETURNS TABLE (job_id bigint, error_code text, error text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    one      bigint;
    found_as text; -- its state
    content  text; -- what a claim reads of it
    broken   text; -- constraint
BEGIN
    FOREACH one IN ARRAY ids LOOP
        BEGIN
            SELECT t.state INTO found_as FROM tagexec.tag_jobs t WHERE t.id = one FOR UPDATE SKIP LOCKED;
            CONTINUE WHEN NOT FOUND;
            IF found_as = 'pending' THEN
                UPDATE tagexec.tag_jobs t
                   SET state = 'running', attempt = t.attempt + 1, executor_id = gen_random_uuid(), started_at = clock_timestamp(),
                       finished_at = NULL, deadline_at = clock_timestamp()
                 WHERE t.id = one
             RETURNING concat(t.tag, t.kind, t.payload, t.batch, t.pool, t.mutex_key) INTO content;
                PERFORM convert_to(content, 'UTF8'); -- as executors read it
            ELSE
                UPDATE tagexec.tag_jobs t
                   SET state = 'pending', finished_at = clock_timestamp(), run_at = clock_timestamp(), attempt_is_past = true, last_outcome = NULL
                 WHERE t.id = one;
            END IF;
            RAISE EXCEPTION USING ERRCODE = 'TRIED';
        EXCEPTION
            WHEN SQLSTATE 'TRIED' OR lock_not_available THEN NULL;
            WHEN OTHERS THEN
                IF NOT tagexec.is_of_row(SQLSTATE) THEN
                    RAISE;
                END IF;
                GET STACKED DIAGNOSTICS broken := CONSTRAINT_NAME;
                IF broken <> 'tag_jobs_one_running_per_mutex_key' THEN -- else a job with its key has just begun
                    job_id := one;
                    error_code := SQLSTATE;
                    error := left(SQLERRM, 500);
                    RETURN NEXT;
                END IF;
        END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION tagexec.try_jobs IS 'Internal: those of the jobs whose row Postgres refuses to change, and why. It changes nothing.';

-- What is wrong with more rows than these is wrong with something else.
CREATE OR REPLACE FUNCTION tagexec.isolate_jobs(ids bigint[]) RETURNS TABLE (job_id bigint, error_code text, error text, is_new boolean)
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
INSERT INTO tagexec.tag_unwritable_jobs AS u (job_id, error_code, error)
SELECT t.job_id, t.error_code, t.error
  FROM tagexec.try_jobs(ids) t
 WHERE (SELECT count(*) FROM tagexec.tag_unwritable_jobs) < 10000
 ORDER BY t.job_id
    ON CONFLICT (job_id) DO UPDATE
   SET tried_at = excluded.tried_at, error_code = excluded.error_code, error = excluded.error
RETURNING u.job_id, u.error_code, u.error, u.since = u.tried_at
$$;
COMMENT ON FUNCTION tagexec.isolate_jobs IS 'Internal: notes in tag_unwritable_jobs which of the jobs cannot be written, and returns them; is_new where nobody had noted it before.';
