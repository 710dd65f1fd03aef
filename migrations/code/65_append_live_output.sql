-- A chunk that is there already, because an answer was lost, changes nothing.
CREATE OR REPLACE FUNCTION tagexec.append_live_output(job_id bigint, attempt integer, executor_id uuid, from_byte bigint, chunk text, output_bytes bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
#variable_conflict use_variable
BEGIN
    IF NOT EXISTS (SELECT
                     FROM tagexec.tag_jobs j
                    WHERE j.id = job_id AND j.attempt = attempt AND j.executor_id = executor_id AND j.state = 'running') THEN
        RETURN false;
    END IF;
    IF octet_length(chunk) > 32768 THEN
        RAISE EXCEPTION USING ERRCODE = 'program_limit_exceeded', MESSAGE = format('a chunk has at most 32768 bytes, this one has %s', octet_length(chunk));
    END IF;
    INSERT INTO tagexec.tag_live_output (job_id, attempt, executor_id, from_byte, chunk, output_bytes)
    SELECT job_id, attempt, executor_id, from_byte, chunk, output_bytes
     WHERE from_byte >= coalesce((SELECT l.from_byte + octet_length(l.chunk)
                                    FROM tagexec.tag_live_output l
                                   WHERE l.job_id = append_live_output.job_id AND l.attempt = append_live_output.attempt AND l.executor_id = append_live_output.executor_id
                                   ORDER BY l.from_byte DESC
                                   LIMIT 1), 0);
    RETURN true;
END
$$;
COMMENT ON FUNCTION tagexec.append_live_output IS 'Internal: shows a chunk of the output of an attempt that an executor runs now. Returns whether it runs it. Called by executors.';
