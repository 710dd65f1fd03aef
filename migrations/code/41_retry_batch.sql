CREATE OR REPLACE FUNCTION tagexec.retry_batch(batch text, which text DEFAULT 'failed', reason text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    before  jsonb;
    expired jsonb; -- the time that is taken from a batch which had expired
    done    integer;
BEGIN
    PERFORM tagexec.require_batch(retry_batch.batch);
    IF which IS NULL OR which NOT IN ('failed', 'all') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('which is %s; it may be failed (failed and cancelled jobs) or all', coalesce('"' || which || '"', 'null'));
    END IF;
    PERFORM tagexec.lock_batch(retry_batch.batch);
    SELECT jsonb_object_agg(c.state, c.n) INTO before
      FROM (SELECT j.state, count(*) AS n FROM tagexec.tag_jobs j WHERE j.batch = retry_batch.batch GROUP BY j.state) c;
    done := cardinality(tagexec.requeue(ARRAY(
        SELECT j.id
          FROM tagexec.tag_jobs j
         WHERE j.batch = retry_batch.batch
           AND (j.state IN ('failed', 'cancelled')
             OR j.state = 'succeeded' AND which = 'all'
             OR j.state = 'running' AND j.cancel_requested_at IS NOT NULL)),
        CASE which WHEN 'all' THEN '{failed,cancelled,succeeded}' ELSE '{failed,cancelled}' END::text[]));
    IF done > 0 THEN
        SELECT jsonb_build_object('expires_at', b.expires_at) INTO expired FROM tagexec.tag_batches b WHERE b.batch = retry_batch.batch AND b.expires_at <= now();
        UPDATE tagexec.tag_batches b
           SET cancel_requested_at = NULL, cancel_reason = NULL,
               expires_at = CASE WHEN b.expires_at > now() THEN b.expires_at END, expired_at = NULL
         WHERE b.batch = retry_batch.batch;
        INSERT INTO tagexec.tag_operator_actions (at, action, batch, reason, before, after)
        VALUES (statement_timestamp(), 'retry_batch', retry_batch.batch, retry_batch.reason, before || coalesce(expired, '{}'),
                jsonb_build_object('which', which, 'requeued', done) || CASE WHEN expired IS NULL THEN '{}' ELSE '{"expires_at": null}' END::jsonb);
    END IF;
    RETURN done;
END
$$;
COMMENT ON FUNCTION tagexec.retry_batch IS 'Makes the batch''s failed and cancelled jobs (which = all: also succeeded ones) pending again; attempts are kept, and a batch that had expired expires no more. Returns the jobs touched. Raises P0002 for an unknown batch.';
