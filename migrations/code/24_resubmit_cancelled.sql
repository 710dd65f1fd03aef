CREATE OR REPLACE FUNCTION tagexec.resubmit_cancelled(ids bigint[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    done integer;
BEGIN
    -- A success that was first stands.
    UPDATE tagexec.tag_jobs j
       SET retry_request = NULL
     WHERE j.id = ANY (ids) AND j.state NOT IN ('running', 'cancelled') AND j.retry_request IS NOT NULL;
    PERFORM tagexec.keep_attempts(ARRAY(
        SELECT j.id FROM tagexec.tag_jobs j WHERE j.id = ANY (ids) AND j.state = 'cancelled' AND j.retry_request IS NOT NULL));
    UPDATE tagexec.tag_jobs j
       SET state = 'pending', failures = 0, crashes = 0, cancel_requested_at = NULL, retry_request = NULL, unavailable_since = NULL,
           rows_affected = NULL, exit_code = NULL, result = NULL, error_code = NULL, error = NULL, attempt_is_past = true, last_outcome = NULL, last_output = NULL, last_output_bytes = NULL, last_query_id = NULL,
           tag = coalesce(r.tag, j.tag), kind = coalesce(r.kind, j.kind), payload = coalesce(r.payload, j.payload),
           biz_date = CASE WHEN j.retry_request ? 'biz_date' THEN r.biz_date ELSE j.biz_date END,
           pool = coalesce(r.pool, j.pool), slots = coalesce(r.slots, j.slots), priority = coalesce(r.priority, j.priority),
           mutex_key = CASE WHEN j.retry_request ? 'mutex_key' THEN r.mutex_key ELSE j.mutex_key END,
           run_at = greatest(r.run_at, j.finished_at), -- due when the attempt ended, unless somebody wants it later
           timeout_seconds = CASE WHEN j.retry_request ? 'timeout_seconds' THEN r.timeout_seconds ELSE j.timeout_seconds END,
           max_attempts = coalesce(r.max_attempts, j.max_attempts)
      FROM tagexec.tag_jobs o
     CROSS JOIN LATERAL jsonb_to_record(o.retry_request) r (tag text, kind text, payload jsonb, biz_date date, pool text,
           slots integer, priority smallint, mutex_key text, run_at timestamptz, timeout_seconds integer, max_attempts smallint)
     WHERE j.id = ANY (ids) AND o.id = j.id AND j.state = 'cancelled' AND j.retry_request IS NOT NULL;
    GET DIAGNOSTICS done = ROW_COUNT;
    RETURN done;
END
$$;
COMMENT ON FUNCTION tagexec.resubmit_cancelled IS 'Internal: makes jobs pending again for which a retry was asked while a cancel was in flight; called by the executor in the transaction that writes the cancelled attempt.';
