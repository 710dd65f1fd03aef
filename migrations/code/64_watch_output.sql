-- A watch that lasts for long enough already is not written again, so many who watch one
-- job cost as one. One that lasts for too long is of a clock that was set back.
CREATE OR REPLACE FUNCTION tagexec.watch_output(id bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
    state text := (SELECT j.state FROM tagexec.tag_jobs j WHERE j.id = watch_output.id);
BEGIN
    IF state IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'no_data_found', MESSAGE = format('there is no job %s', id);
    END IF;
    IF state NOT IN ('pending', 'running') THEN
        RETURN false;
    END IF;
    INSERT INTO tagexec.tag_output_watches AS w (job_id, until)
    VALUES (id, now() + interval '15 seconds')
        ON CONFLICT (job_id) DO UPDATE SET until = excluded.until
     WHERE w.until NOT BETWEEN now() + interval '12 seconds' AND now() + interval '15 seconds';
    RETURN state = 'running';
END
$$;
COMMENT ON FUNCTION tagexec.watch_output IS 'Makes the executor of a job show its output in live_output while it runs, for 15 seconds, in a transaction of its own. Returns whether it runs now; the watch of a pending job waits for it. An error where there is no such job.';
