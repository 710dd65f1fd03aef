-- What a scheduler calls is one statement, with explicit types and a result that JSON
-- can hold. It locks jobs in id order, as every statement of the executors does.
CREATE OR REPLACE FUNCTION tagexec.submit_jobs(batch text, jobs jsonb, context jsonb DEFAULT '{}', on_existing text DEFAULT 'retry_failed') RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    total    bigint;
    inserted bigint;
    again    record;
    checked  tagexec.submitted_job[];
    existing bigint[]; -- jobs that are submitted again, locked
    held     record;
    was      tagexec.tag_batches;
    became   tagexec.tag_batches;
    context_before jsonb = '{}';
    context_after  jsonb = '{}';
    left_out bigint[] = ARRAY(SELECT u.job_id FROM tagexec.tag_unwritable_jobs u); -- one row that cannot be changed must not keep the others
    refused  bigint[] = '{}';
BEGIN
    PERFORM tagexec.lock_batch(submit_jobs.batch);
    PERFORM tagexec.check_submission(submit_jobs.batch, jobs, context, on_existing);
    IF on_existing = 'error' AND EXISTS (SELECT FROM tagexec.tag_batches b WHERE b.batch = submit_jobs.batch) THEN
        RAISE EXCEPTION USING ERRCODE = 'unique_violation', MESSAGE = format('batch "%s" exists already', submit_jobs.batch);
    END IF;
    checked := tagexec.check_jobs(submit_jobs.batch, jobs);

    -- Existing jobs, in id order. A running one goes on; only if it was asked to stop
    -- does it take the new submission once its attempt has ended. Batches have no
    -- owner, so what becomes of the jobs of others is on record.
    FOR try IN 1..2 LOOP BEGIN
    PERFORM max(octet_length(j.batch)) -- found out here, and not below
       FROM tagexec.tag_jobs j
      WHERE j.dedupe_key = ANY (ARRAY(SELECT r.dedupe_key FROM unnest(checked) r)) AND j.id <> ALL (left_out);
    existing := ARRAY(
        SELECT j.id
          FROM tagexec.tag_jobs j JOIN unnest(checked) r ON r.dedupe_key = j.dedupe_key
         WHERE CASE WHEN j.id <> ALL (left_out) THEN j.batch = submit_jobs.batch END
           AND (on_existing = 'rerun_all' AND j.state IN ('succeeded', 'failed', 'cancelled', 'running')
             OR on_existing = 'retry_failed' AND j.state IN ('failed', 'cancelled', 'running'))
         ORDER BY j.id
           FOR UPDATE OF j);
    PERFORM tagexec.keep_attempts(existing);
    WITH r AS MATERIALIZED (
        SELECT * FROM unnest(checked)
    ), locked AS MATERIALIZED (
        SELECT j.id, j.state, j.cancel_requested_at, r.n,
               (j.tag, j.kind, j.payload, j.biz_date, j.pool, j.slots, j.priority, j.mutex_key, j.timeout_seconds, j.max_attempts)
               IS DISTINCT FROM (r.tag, r.kind, r.payload, r.biz_date, r.pool, r.slots, r.priority, r.mutex_key, r.timeout_seconds, r.max_attempts)
               OR r.run_at > statement_timestamp() AS changes -- what runs at once is no change of run_at
          FROM tagexec.tag_jobs j JOIN r ON r.dedupe_key = j.dedupe_key
         WHERE j.id = ANY (existing)
    ), waiting AS (
        UPDATE tagexec.tag_jobs j
           SET retry_request = to_jsonb(r) - 'n' - 'dedupe_key'
          FROM locked l JOIN r ON r.n = l.n
         WHERE j.id = l.id AND l.state = 'running' AND l.cancel_requested_at IS NOT NULL
     RETURNING j.id
    ), again AS (
        UPDATE tagexec.tag_jobs j
           SET state = 'pending', failures = 0, crashes = 0, cancel_requested_at = NULL, retry_request = NULL, unavailable_since = NULL,
               rows_affected = NULL, exit_code = NULL, result = NULL, error_code = NULL, error = NULL, attempt_is_past = true, last_outcome = NULL, last_output = NULL, last_output_bytes = NULL, last_query_id = NULL,
               tag = r.tag, kind = r.kind, payload = r.payload, biz_date = r.biz_date, pool = r.pool, slots = r.slots,
               priority = r.priority, mutex_key = r.mutex_key, run_at = greatest(r.run_at, statement_timestamp()),
               timeout_seconds = r.timeout_seconds, max_attempts = r.max_attempts
          FROM locked l JOIN r ON r.n = l.n
         WHERE j.id = l.id AND l.state <> 'running'
     RETURNING j.id
    ), touched AS (
        SELECT l.* FROM locked l WHERE l.state <> 'running' OR l.cancel_requested_at IS NOT NULL
    ), shown AS (
        SELECT t.id, c.*
          FROM (SELECT t.id, t.n FROM touched t WHERE t.changes ORDER BY t.id LIMIT 100) t
          JOIN tagexec.tag_jobs j ON j.id = t.id
          JOIN r ON r.n = t.n
         CROSS JOIN LATERAL tagexec.changes_of_job(to_jsonb(j), CASE WHEN r.run_at > statement_timestamp() THEN to_jsonb(r)
                                                                     ELSE to_jsonb(r) || jsonb_build_object('run_at', j.run_at) END) c
    )
    SELECT (SELECT count(*) FROM waiting) + (SELECT count(*) FROM again) AS requeued,
           (SELECT count(*) FROM touched t WHERE t.changes) AS changed,
           (SELECT jsonb_object_agg(s.state, s.n) FROM (SELECT t.state, count(*) AS n FROM touched t GROUP BY t.state) s) AS states,
           s.*
      INTO again
      FROM (SELECT coalesce(jsonb_object_agg(s.id, s.before) FILTER (WHERE s.before <> '{}'), '{}') AS before,
                   coalesce(jsonb_object_agg(s.id, s.after) FILTER (WHERE s.after <> '{}'), '{}') AS after,
                   coalesce(jsonb_object_agg(s.id, s.payload_before) FILTER (WHERE s.payload_before IS NOT NULL), '{}') AS payloads_before,
                   coalesce(jsonb_object_agg(s.id, s.payload_after) FILTER (WHERE s.payload_after IS NOT NULL), '{}') AS payloads_after
              FROM shown s) s;
    EXIT;
    EXCEPTION WHEN OTHERS THEN
        refused := ARRAY(SELECT i.job_id FROM tagexec.isolate_jobs(ARRAY(
            SELECT j.id FROM tagexec.tag_jobs j WHERE j.dedupe_key = ANY (ARRAY(SELECT r.dedupe_key FROM unnest(checked) r)))) i);
        IF try = 2 OR refused = '{}' THEN
            RAISE;
        END IF;
        left_out := left_out || refused;
    END; END LOOP;
    WITH new AS (
        INSERT INTO tagexec.tag_jobs (batch, tag, kind, payload, biz_date, dedupe_key, pool, slots, priority, mutex_key,
                                      run_at, timeout_seconds, max_attempts)
        SELECT submit_jobs.batch, r.tag, r.kind, r.payload, r.biz_date, r.dedupe_key, r.pool, r.slots, r.priority, r.mutex_key,
               r.run_at, r.timeout_seconds, r.max_attempts
          FROM unnest(checked) r
         ORDER BY r.n
            ON CONFLICT (dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING
     RETURNING id
    )
    SELECT count(*) INTO inserted FROM new;

    -- Asked last, so that a key which somebody else inserted meanwhile is seen too.
    SELECT r.n, r.tag, j.batch INTO held
      FROM unnest(checked) r JOIN tagexec.tag_jobs j ON j.dedupe_key = r.dedupe_key
     WHERE CASE WHEN j.id <> ALL (ARRAY(SELECT u.job_id FROM tagexec.tag_unwritable_jobs u WHERE u.error_code ~ '^(XX|58)')) -- its batch may be what is damaged
                THEN j.batch IS DISTINCT FROM submit_jobs.batch END
     ORDER BY r.n LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'unique_violation',
            MESSAGE = format('the dedupe_key of job %s (tag "%s") is held by %s', held.n, held.tag,
                             coalesce('batch "' || held.batch || '"', 'a job without a batch')),
            HINT = 'A key is unique in the whole queue: put into it what tells your jobs from those of others.';
    END IF;

    INSERT INTO tagexec.tag_batches (batch) VALUES (submit_jobs.batch) ON CONFLICT DO NOTHING;
    SELECT b.* INTO was FROM tagexec.tag_batches b WHERE b.batch = submit_jobs.batch FOR UPDATE;
    UPDATE tagexec.tag_batches b
       SET dag_id       = coalesce(c.dag_id, b.dag_id),
           run_id       = coalesce(c.run_id, b.run_id),
           task_id      = coalesce(c.task_id, b.task_id),
           map_index    = coalesce(c.map_index, b.map_index),
           try_number   = coalesce(c.try_number, b.try_number),
           logical_date = coalesce(c.logical_date, b.logical_date),
           log_url      = coalesce(c.log_url, b.log_url),
           due_at       = coalesce(c.due_at, b.due_at),
           expires_at   = c.expires_at,
           traceparent  = coalesce(c.traceparent, b.traceparent),
           expired_at   = NULL,
           submit_count = b.submit_count + 1,
           cancel_requested_at = NULL,
           cancel_reason       = NULL
      FROM jsonb_to_record(context) c (dag_id text, run_id text, task_id text, map_index integer, try_number integer,
                                       logical_date timestamptz, log_url text, due_at timestamptz, expires_at timestamptz, traceparent text)
     WHERE b.batch = submit_jobs.batch
 RETURNING b.* INTO became;
    IF was.created_at <> now() OR was.submit_count > 0 THEN -- else it is new
        SELECT c.before, c.after INTO context_before, context_after FROM tagexec.changes_of_batch(to_jsonb(was), to_jsonb(became)) c;
    END IF;
    IF again.requeued > 0 OR context_after <> '{}' THEN
        INSERT INTO tagexec.tag_operator_actions (at, action, batch, before, after)
        VALUES (statement_timestamp(), 'submit_jobs', submit_jobs.batch,
                coalesce(again.states, '{}') || jsonb_build_object('columns', again.before, 'payloads', again.payloads_before, 'context', context_before),
                jsonb_build_object('on_existing', on_existing, 'requeued', again.requeued, 'changed', again.changed,
                                   'columns', again.after, 'payloads', again.payloads_after, 'context', context_after));
    END IF;

    SELECT array_agg(format('%s (dedupe_key "%s")', j.id, r.dedupe_key) ORDER BY j.id) AS jobs INTO held
      FROM unnest(checked) r JOIN tagexec.tag_jobs j ON j.dedupe_key = r.dedupe_key
     WHERE j.id = ANY (left_out);
    IF held.jobs IS NOT NULL THEN
        RAISE WARNING 'Postgres refuses to change the rows of jobs %, so they stay as they are',
            tagexec.listed(held.jobs)
            USING HINT = 'SELECT * FROM tagreport.unwritable_jobs says why.';
    END IF;
    total := jsonb_array_length(jobs);
    RETURN jsonb_build_object('batch', submit_jobs.batch, 'inserted', inserted, 'existing', total - inserted, 'requeued', again.requeued);
END
$$;
COMMENT ON FUNCTION tagexec.submit_jobs IS 'Submits jobs (a JSON array of objects with the producer columns of tag_jobs) under a batch key, in one transaction; a repeat is harmless. context: dag_id, run_id, task_id, map_index, try_number, logical_date, log_url, due_at, expires_at (what is left of the batch then is cancelled). on_existing: attach adds what is missing, retry_failed also makes failed and cancelled jobs pending again, rerun_all also succeeded ones, error refuses an existing batch. What is made pending again, and what changes of an existing batch, is on record. Returns {"batch", "inserted", "existing", "requeued"}.';
