CREATE OR REPLACE FUNCTION tagexec.check_submission(batch text, jobs jsonb, context jsonb, on_existing text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    time_fields    CONSTANT text[] := '{logical_date,due_at,expires_at}';
    context_fields CONSTANT text[] := '{dag_id,run_id,task_id,map_index,try_number,logical_date,log_url,due_at,expires_at,traceparent}';
    zoneless text;
    bad      record;
BEGIN
    IF coalesce(batch, '') = '' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'batch must not be empty: it is the key by which the jobs are found again';
    END IF;
    IF on_existing IS NULL OR on_existing NOT IN ('attach', 'retry_failed', 'rerun_all', 'error') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('on_existing is %s; it may be attach, retry_failed, rerun_all or error', coalesce('"' || on_existing || '"', 'null'));
    END IF;
    IF jobs IS NULL OR jsonb_typeof(jobs) <> 'array' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'jobs must be a JSON array of objects';
    END IF;
    IF context IS NULL OR jsonb_typeof(context) <> 'object' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'context must be a JSON object';
    END IF;
    SELECT k INTO bad FROM jsonb_object_keys(context - context_fields) k LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('context has an unknown field "%s"; known: %s', bad.k, array_to_string(context_fields, ', '));
    END IF;
    SELECT k, jsonb_typeof(v) AS type INTO bad
      FROM jsonb_each(context) e (k, v)
     WHERE jsonb_typeof(v) IN ('object', 'array', 'boolean') LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('context: %s must be a string or a number, not a JSON %s', bad.k, bad.type);
    END IF;
    BEGIN
        PERFORM FROM jsonb_to_record(context) c (map_index integer, try_number integer, logical_date timestamptz, due_at timestamptz, expires_at timestamptz);
    EXCEPTION WHEN data_exception THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'context: ' || coalesce(tagexec.wrong_field(context, 'tagexec.tag_batches'), SQLERRM);
    END;
    IF NOT coalesce(context ->> 'traceparent' ~ '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$', true) THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('context: traceparent "%s" must be one of W3C Trace Context', left(context ->> 'traceparent', 80)),
            HINT = 'It is written 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.';
    END IF;
    zoneless := time_fields[tagexec.first_without_zone(ARRAY(SELECT context ->> f FROM unnest(time_fields) f))];
    IF zoneless IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('context: %s "%s" must be a time with its zone', zoneless, left(context ->> zoneless, 80)),
            HINT = 'Write it as 2026-11-28T20:00:00+08:00, or with Z for UTC.';
    END IF;
END
$$;
COMMENT ON FUNCTION tagexec.check_submission IS 'Internal: raises an error that names the first wrong argument of submit_jobs; the jobs are for check_jobs.';
