-- While the batch is not settled, a notice says how far it is, and where no living
-- executor runs any of it, why: what stock sensors print. The numbers come first, because
-- a log shows the beginning of a line. It costs one count of the batch.
CREATE OR REPLACE FUNCTION tagexec.batch_settled(batch text, fail_fast boolean DEFAULT false) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    c record;
    alive  uuid[];
    reason text;
BEGIN
    PERFORM tagexec.require_batch(batch);
    alive := ARRAY(SELECT e.id FROM tagreport.executors e WHERE e.alive);
    SELECT count(*) AS total,
           count(*) FILTER (WHERE j.state IN ('pending', 'running')) AS unfinished,
           count(*) FILTER (WHERE j.state = 'running')   AS running,
           count(*) FILTER (WHERE j.state = 'running' AND j.executor_id = ANY (alive)) AS moving,
           count(*) FILTER (WHERE j.state = 'failed')    AS failed,
           count(*) FILTER (WHERE j.state = 'cancelled') AS cancelled
      INTO c
      FROM tagexec.tag_jobs j WHERE j.batch = batch_settled.batch;
    IF c.unfinished = 0 OR fail_fast AND c.failed > 0 THEN
        RETURN true;
    END IF;
    IF c.moving = 0 THEN
        SELECT format('; job %s: %s', j.id, tagexec.explain_job(j.id)) INTO reason
          FROM tagexec.tag_jobs j
         WHERE j.batch = batch_settled.batch AND j.state IN ('pending', 'running')
         ORDER BY j.state, j.run_at, j.id LIMIT 1;
    END IF;
    RAISE NOTICE USING MESSAGE = tagexec.one_line(format('%s of %s done, %s running', c.total - c.unfinished, c.total, c.running)
               || CASE WHEN c.failed > 0 THEN format(', %s failed', c.failed) ELSE '' END
               || CASE WHEN c.cancelled > 0 THEN format(', %s cancelled', c.cancelled) ELSE '' END
               || coalesce(reason, '') || format('; batch "%s"', batch)) || tagexec.page_of_batch(batch);
    RETURN false;
END
$$;
COMMENT ON FUNCTION tagexec.batch_settled IS 'Whether nothing of the batch is pending or running; with fail_fast also true at the first failed job. While it is not, a NOTICE says how far the batch is, and why nothing of it runs. Raises P0002 for an unknown batch. Made for an Airflow SqlSensor, which prints notices with hook_params={"enable_log_db_messages": True}.';
