-- The executor reads it with its next heartbeat.
CREATE OR REPLACE FUNCTION tagexec.drain_executor(id uuid, reason text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    executor record;
BEGIN
    UPDATE tagexec.tag_executors e
       SET drain_requested_at = clock_timestamp(), drain_reason = left(drain_executor.reason, 1000)
     WHERE e.id = drain_executor.id AND e.stopped_at IS NULL AND e.reaped_at IS NULL AND e.drain_requested_at IS NULL
 RETURNING e.hostname, e.pid INTO executor;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO tagexec.tag_operator_actions (action, executor_id, reason, before, after)
    VALUES ('drain_executor', drain_executor.id, drain_executor.reason,
            jsonb_build_object('hostname', executor.hostname, 'pid', executor.pid), '{"drain": true}');
    RETURN true;
END
$$;
COMMENT ON FUNCTION tagexec.drain_executor IS 'Asks an executor to claim nothing more and to end when its jobs have; it hears that within a heartbeat. Returns whether it did: false if there is no such executor, or it has ended or been asked already.';
