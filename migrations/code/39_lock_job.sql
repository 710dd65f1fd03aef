-- As the functions for a batch do: of a cancel and a retry the later one must see the
-- earlier.
CREATE OR REPLACE FUNCTION tagexec.lock_job(id bigint, OUT state text, OUT batch text, OUT failures integer, OUT run_at timestamptz,
    OUT error_code text, OUT cancel_requested_at timestamptz, OUT retry_asked boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM tagexec.lock_batch(t.batch) FROM tagexec.tag_jobs t WHERE t.id = lock_job.id;
    SELECT t.state, t.batch, t.failures, t.run_at, t.error_code, t.cancel_requested_at, t.retry_request IS NOT NULL
      INTO state, batch, failures, run_at, error_code, cancel_requested_at, retry_asked
      FROM tagexec.tag_jobs t WHERE t.id = lock_job.id FOR UPDATE;
EXCEPTION WHEN OTHERS THEN
    PERFORM tagexec.refuse_unwritable(lock_job.id, SQLSTATE, SQLERRM);
    RAISE;
END
$$;
COMMENT ON FUNCTION tagexec.lock_job IS 'Internal: locks the batch of a job, and the job, and returns what decides about it; nulls if there is none.';

-- Postgres's own error shows the whole row, and names no job.
CREATE OR REPLACE FUNCTION tagexec.refuse_unwritable(id bigint, code text, error text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF tagexec.is_of_row(code) THEN
        RAISE EXCEPTION USING ERRCODE = code,
            MESSAGE = format('Postgres refuses to change the row of job %s: %s', refuse_unwritable.id, refuse_unwritable.error),
            HINT = 'Nothing was done. It is damaged, or breaks a rule that came after it: mend the row, or that rule.';
    END IF;
END
$$;
COMMENT ON FUNCTION tagexec.refuse_unwritable IS 'Internal: raises an error that names the job whose row cannot be changed, if that is what another error was about.';

CREATE OR REPLACE FUNCTION tagexec.lock_jobs(ids bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    most CONSTANT integer := 10000; -- so that a call stays short
BEGIN
    IF cardinality(ids) > most THEN
        RAISE EXCEPTION USING ERRCODE = 'program_limit_exceeded',
            MESSAGE = format('%s jobs are too many for one call: at most %s', cardinality(ids), most),
            HINT = 'Call it several times; set tagexec.bulk_id to a uuid, and the actions on record are known as parts of one.';
    END IF;
    -- In the order of the locks, so that no two calls wait for each other.
    PERFORM tagexec.lock_batch(b.batch)
       FROM (SELECT DISTINCT hashtext(j.batch) & 4095 AS slot, j.batch
               FROM tagexec.tag_jobs j
              WHERE j.id = ANY (ids) AND j.batch IS NOT NULL
              ORDER BY 1, 2) b;
    PERFORM FROM tagexec.tag_jobs j WHERE j.id = ANY (ids) ORDER BY j.id FOR UPDATE;
END
$$;
COMMENT ON FUNCTION tagexec.lock_jobs IS 'Internal: as lock_job for several jobs, of which there may be at most 10,000.';
