-- What a scheduler calls: one statement each, explicit types, results that JSON
-- can hold. All lock jobs in id order, as every statement of the executors does.

-- +goose Up
CREATE TYPE tagexec.submitted_job AS (
    n bigint, tag text, kind text, payload jsonb, biz_date date, dedupe_key text, pool text, slots integer, priority smallint,
    mutex_key text, run_at timestamptz, timeout_seconds integer, max_attempts smallint);
COMMENT ON TYPE tagexec.submitted_job IS 'Internal: a job of a submission, with its number there.';

-- +goose StatementBegin
CREATE FUNCTION tagexec.read_jobs(batch text, jobs jsonb) RETURNS SETOF tagexec.submitted_job
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
SELECT j.n,
       r.tag,
       coalesce(r.kind, 'sql'),
       coalesce(r.payload, '{}'),
       r.biz_date,
       -- Short, because every update of a job writes it to an index; a hash of a JSON
       -- array, because no two different triples share one.
       coalesce(r.dedupe_key, rtrim(encode(substr(sha256(convert_to(
           jsonb_build_array(read_jobs.batch, r.tag, to_char(r.biz_date, 'YYYY-MM-DD BC'))::text, 'UTF8')), 1, 16), 'base64'), '=')),
       coalesce(r.pool, 'default'),
       coalesce(r.slots, 1),
       coalesce(r.priority, 5::smallint),
       r.mutex_key,
       coalesce(r.run_at, now()),
       r.timeout_seconds,
       coalesce(r.max_attempts, 3::smallint)
  FROM jsonb_array_elements(read_jobs.jobs) WITH ORDINALITY j (job, n)
 CROSS JOIN LATERAL jsonb_to_record(j.job) r (tag text, kind text, payload jsonb, biz_date date, dedupe_key text, pool text,
       slots integer, priority smallint, mutex_key text, run_at timestamptz, timeout_seconds integer, max_attempts smallint)
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION tagexec.read_jobs IS 'Internal: the jobs of a submission as rows with their defaults; a job without dedupe_key gets one made from (batch, tag, biz_date).';

-- +goose StatementBegin
CREATE FUNCTION tagexec.check_submission(batch text, jobs jsonb, context jsonb, on_existing text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    context_fields CONSTANT text[] := '{dag_id,run_id,task_id,map_index,try_number,logical_date,log_url,due_at}';
    bad record;
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
        PERFORM FROM jsonb_to_record(context) c (map_index integer, try_number integer, logical_date timestamptz, due_at timestamptz);
    EXCEPTION WHEN data_exception THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'context: ' || SQLERRM;
    END;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION tagexec.check_submission IS 'Internal: raises an error that names the first wrong argument of submit_jobs; the jobs are for check_jobs.';

-- +goose StatementBegin
CREATE FUNCTION tagexec.check_jobs(batch text, jobs jsonb) RETURNS tagexec.submitted_job[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    fields      CONSTANT text[] := '{tag,kind,payload,batch,biz_date,dedupe_key,pool,slots,priority,mutex_key,run_at,timeout_seconds,max_attempts}';
    text_fields CONSTANT text[] := '{tag,kind,batch,biz_date,dedupe_key,pool,mutex_key,run_at}';
    checked tagexec.submitted_job[];
    bad     record;
BEGIN
    SELECT n, jsonb_typeof(job) AS type INTO bad
      FROM jsonb_array_elements(jobs) WITH ORDINALITY j (job, n) WHERE jsonb_typeof(job) <> 'object' ORDER BY n LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('job %s is no object but a JSON %s', bad.n, bad.type);
    END IF;

    -- Casts alone would take the text of any JSON value for a string.
    SELECT n, job, u.k AS unknown, w.k AS field, CASE w.k WHEN 'payload' THEN 'an object' ELSE 'a string' END AS wanted, jsonb_typeof(w.v) AS type INTO bad
      FROM jsonb_array_elements(jobs) WITH ORDINALITY j (job, n)
      LEFT JOIN LATERAL (SELECT k FROM jsonb_object_keys(job - fields) k ORDER BY k LIMIT 1) u ON true
      LEFT JOIN LATERAL (SELECT k, v FROM jsonb_each(job) e (k, v)
                          WHERE CASE WHEN k = 'payload' THEN jsonb_typeof(v) NOT IN ('object', 'null')
                                     WHEN k = ANY (text_fields) THEN jsonb_typeof(v) NOT IN ('string', 'number', 'null') END
                          ORDER BY k LIMIT 1) w ON true
     WHERE u.k IS NOT NULL OR w.k IS NOT NULL OR job ->> 'tag' IS NULL OR job ->> 'batch' <> check_jobs.batch
     ORDER BY n LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = CASE
            WHEN bad.unknown IS NOT NULL THEN format('job %s has an unknown field "%s"; known: %s', bad.n, bad.unknown, array_to_string(fields, ', '))
            WHEN bad.job ->> 'tag' IS NULL THEN format('job %s has no tag', bad.n)
            WHEN bad.field IS NOT NULL THEN format('job %s (tag "%s"): %s must be %s, not a JSON %s', bad.n, bad.job ->> 'tag', bad.field, bad.wanted, bad.type)
            ELSE format('job %s names batch "%s" in a submission of batch "%s"', bad.n, bad.job ->> 'batch', batch)
        END;
    END IF;

    BEGIN
        checked := ARRAY(SELECT r FROM tagexec.read_jobs(batch, jobs) r);
    EXCEPTION WHEN data_exception THEN
        -- Some value is of the wrong type: find out which job it is in.
        FOR bad IN SELECT n, job FROM jsonb_array_elements(jobs) WITH ORDINALITY j (job, n) LOOP
            BEGIN
                PERFORM FROM tagexec.read_jobs(batch, jsonb_build_array(bad.job));
            EXCEPTION WHEN data_exception THEN
                RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
                    MESSAGE = format('job %s (tag "%s"): %s', bad.n, bad.job ->> 'tag', SQLERRM);
            END;
        END LOOP;
        RAISE;
    END;

    SELECT array_to_string((array_agg(r.n ORDER BY r.n))[:10], ', ') AS n, min(r.tag) AS tag INTO bad
      FROM unnest(checked) r GROUP BY r.dedupe_key HAVING count(*) > 1 ORDER BY min(r.n) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'unique_violation',
            MESSAGE = format('jobs %s (tag "%s") have the same dedupe_key', bad.n, bad.tag),
            HINT = 'Without a dedupe_key of its own, a job is known by its batch, tag and biz_date.';
    END IF;
    PERFORM tagexec.refuse_job(r.kind, r.pool, r.slots, r.payload_bytes, format('job %s (tag "%s"): ', r.n, r.tag))
       FROM (SELECT c.n, c.tag, c.kind, c.pool, c.slots, octet_length(c.payload::text) AS payload_bytes
               FROM unnest(checked) c
               LEFT JOIN tagexec.tag_kinds k ON k.kind = c.kind
               LEFT JOIN tagexec.tag_pools p ON p.pool = c.pool
              WHERE k.kind IS NULL OR p.pool IS NULL OR c.slots > p.slots OR octet_length(c.payload::text) > 262144
              ORDER BY c.n LIMIT 1) r;
    RETURN checked;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION tagexec.check_jobs IS 'Internal: the jobs of a submission as rows; raises an error that names the first wrong job and field.';

-- +goose StatementBegin
CREATE FUNCTION tagexec.submit_jobs(batch text, jobs jsonb, context jsonb DEFAULT '{}', on_existing text DEFAULT 'retry_failed') RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    total    bigint;
    inserted bigint;
    requeued bigint;
    checked  tagexec.submitted_job[];
    held     record;
BEGIN
    -- Submissions and cancels of one batch wait for each other here, and not at its row: a plain INSERT
    -- takes its jobs' keys first and a new batch's row last, and everybody must keep one order.
    PERFORM pg_advisory_xact_lock(hashtextextended('tagexec batch ' || submit_jobs.batch, 0));
    PERFORM tagexec.check_submission(submit_jobs.batch, jobs, context, on_existing);
    IF on_existing = 'error' AND EXISTS (SELECT FROM tagexec.tag_batches b WHERE b.batch = submit_jobs.batch) THEN
        RAISE EXCEPTION USING ERRCODE = 'unique_violation', MESSAGE = format('batch "%s" exists already', submit_jobs.batch);
    END IF;
    checked := tagexec.check_jobs(submit_jobs.batch, jobs);

    -- Existing jobs, in id order. A running one goes on; only if it was asked to stop
    -- does it take the new submission once its attempt has ended.
    WITH r AS MATERIALIZED (
        SELECT * FROM unnest(checked)
    ), locked AS MATERIALIZED (
        SELECT j.id, j.state, j.cancel_requested_at, r.n
          FROM tagexec.tag_jobs j JOIN r ON r.dedupe_key = j.dedupe_key
         WHERE j.batch = submit_jobs.batch
           AND (on_existing = 'rerun_all' AND j.state IN ('succeeded', 'failed', 'cancelled', 'running')
             OR on_existing = 'retry_failed' AND j.state IN ('failed', 'cancelled', 'running'))
         ORDER BY j.id
           FOR UPDATE OF j
    ), waiting AS (
        UPDATE tagexec.tag_jobs j
           SET retry_request = to_jsonb(r) - 'n' - 'dedupe_key'
          FROM locked l JOIN r ON r.n = l.n
         WHERE j.id = l.id AND l.state = 'running' AND l.cancel_requested_at IS NOT NULL
     RETURNING j.id
    ), again AS (
        UPDATE tagexec.tag_jobs j
           SET state = 'pending', failures = 0, crashes = 0, cancel_requested_at = NULL, retry_request = NULL,
               rows_affected = NULL, exit_code = NULL, result = NULL, error_code = NULL, error = NULL,
               tag = r.tag, kind = r.kind, payload = r.payload, biz_date = r.biz_date, pool = r.pool, slots = r.slots,
               priority = r.priority, mutex_key = r.mutex_key, run_at = greatest(r.run_at, statement_timestamp()),
               timeout_seconds = r.timeout_seconds, max_attempts = r.max_attempts
          FROM locked l JOIN r ON r.n = l.n
         WHERE j.id = l.id AND l.state <> 'running'
     RETURNING j.id
    )
    SELECT (SELECT count(*) FROM waiting) + (SELECT count(*) FROM again) INTO requeued;

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
     WHERE j.batch IS DISTINCT FROM submit_jobs.batch ORDER BY r.n LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'unique_violation',
            MESSAGE = format('the dedupe_key of job %s (tag "%s") is held by %s', held.n, held.tag,
                             coalesce('batch "' || held.batch || '"', 'a job without a batch'));
    END IF;

    INSERT INTO tagexec.tag_batches AS b (batch, dag_id, run_id, task_id, map_index, try_number, logical_date, log_url, due_at, submit_count)
    SELECT submit_jobs.batch, c.dag_id, c.run_id, c.task_id, c.map_index, c.try_number, c.logical_date, c.log_url, c.due_at, 1
      FROM jsonb_to_record(context) c (dag_id text, run_id text, task_id text, map_index integer, try_number integer,
                                       logical_date timestamptz, log_url text, due_at timestamptz)
        ON CONFLICT (batch) DO UPDATE
       SET dag_id       = coalesce(excluded.dag_id, b.dag_id),
           run_id       = coalesce(excluded.run_id, b.run_id),
           task_id      = coalesce(excluded.task_id, b.task_id),
           map_index    = coalesce(excluded.map_index, b.map_index),
           try_number   = coalesce(excluded.try_number, b.try_number),
           logical_date = coalesce(excluded.logical_date, b.logical_date),
           log_url      = coalesce(excluded.log_url, b.log_url),
           due_at       = coalesce(excluded.due_at, b.due_at),
           submit_count = b.submit_count + 1,
           cancel_requested_at = NULL,
           cancel_reason       = NULL;
    total := jsonb_array_length(jobs);
    RETURN jsonb_build_object('batch', submit_jobs.batch, 'inserted', inserted, 'existing', total - inserted, 'requeued', requeued);
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION tagexec.submit_jobs IS 'Submits jobs (a JSON array of objects with the producer columns of tag_jobs) under a batch key, in one transaction; a repeat is harmless. context: dag_id, run_id, task_id, map_index, try_number, logical_date, log_url, due_at. on_existing: attach adds what is missing, retry_failed also makes failed and cancelled jobs pending again, rerun_all also succeeded ones, error refuses an existing batch. Returns {"batch", "inserted", "existing", "requeued"}.';

-- +goose StatementBegin
CREATE FUNCTION tagexec.resubmit_cancelled(ids bigint[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    done integer;
BEGIN
    -- A success that was first stands.
    UPDATE tagexec.tag_jobs j
       SET retry_request = NULL
     WHERE j.id = ANY (ids) AND j.state NOT IN ('running', 'cancelled') AND j.retry_request IS NOT NULL;
    UPDATE tagexec.tag_jobs j
       SET state = 'pending', failures = 0, crashes = 0, cancel_requested_at = NULL, retry_request = NULL,
           rows_affected = NULL, exit_code = NULL, result = NULL, error_code = NULL, error = NULL,
           tag = coalesce(r.tag, j.tag), kind = coalesce(r.kind, j.kind), payload = coalesce(r.payload, j.payload),
           biz_date = CASE WHEN j.retry_request ? 'biz_date' THEN r.biz_date ELSE j.biz_date END,
           pool = coalesce(r.pool, j.pool), slots = coalesce(r.slots, j.slots), priority = coalesce(r.priority, j.priority),
           mutex_key = CASE WHEN j.retry_request ? 'mutex_key' THEN r.mutex_key ELSE j.mutex_key END,
           run_at = greatest(r.run_at, statement_timestamp()),
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
-- +goose StatementEnd
COMMENT ON FUNCTION tagexec.resubmit_cancelled IS 'Internal: makes jobs pending again for which a retry was asked while a cancel was in flight; called by the executor in the transaction that writes the cancelled attempt.';

-- +goose StatementBegin
CREATE FUNCTION tagexec.require_batch(batch text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM tagexec.tag_batches b WHERE b.batch = require_batch.batch) THEN
        RAISE EXCEPTION USING ERRCODE = 'no_data_found', MESSAGE = format('there is no batch "%s"', batch),
            HINT = 'A batch exists once a job was inserted or submitted under its key.';
    END IF;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION tagexec.require_batch IS 'Internal: raises P0002 for a batch key that was never used.';

-- +goose StatementBegin
CREATE FUNCTION tagexec.batch_settled(batch text, fail_fast boolean DEFAULT false) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM tagexec.require_batch(batch);
    IF fail_fast AND EXISTS (SELECT FROM tagexec.tag_jobs j WHERE j.batch = batch_settled.batch AND j.state = 'failed') THEN
        RETURN true;
    END IF;
    RETURN NOT EXISTS (SELECT FROM tagexec.tag_jobs j WHERE j.batch = batch_settled.batch AND j.state IN ('pending', 'running'));
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION tagexec.batch_settled IS 'Whether nothing of the batch is pending or running; with fail_fast also true at the first failed job. Raises P0002 for an unknown batch. Made for an Airflow SqlSensor.';

-- +goose StatementBegin
CREATE FUNCTION tagexec.assert_batch_ok(batch text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    c record;
    bad_tags text;
BEGIN
    PERFORM tagexec.require_batch(batch);
    SELECT count(*) AS total,
           count(*) FILTER (WHERE j.state = 'succeeded') AS succeeded,
           count(*) FILTER (WHERE j.state = 'failed')    AS failed,
           count(*) FILTER (WHERE j.state = 'cancelled') AS cancelled,
           count(*) FILTER (WHERE j.state = 'pending')   AS pending,
           count(*) FILTER (WHERE j.state = 'running')   AS running
      INTO c
      FROM tagexec.tag_jobs j WHERE j.batch = assert_batch_ok.batch;
    IF c.succeeded = c.total THEN
        RETURN format('%s of %s jobs succeeded', c.succeeded, c.total);
    END IF;
    SELECT string_agg(format('%s%s: %s', b.tag, coalesce(' ' || b.biz_date, ''),
                      concat_ws(' ', b.state, '[' || b.error_code || ']', left(b.error, 300))), E'\n')
      INTO bad_tags
      FROM (SELECT * FROM tagexec.tag_jobs j
             WHERE j.batch = assert_batch_ok.batch AND j.state IN ('failed', 'cancelled')
             ORDER BY j.state DESC, j.id LIMIT 10) b;
    RAISE EXCEPTION USING ERRCODE = 'raise_exception',
        MESSAGE = format('batch "%s": %s of %s jobs succeeded', batch, c.succeeded, c.total)
               || CASE WHEN c.failed > 0 THEN format(', %s failed', c.failed) ELSE '' END
               || CASE WHEN c.cancelled > 0 THEN format(', %s cancelled', c.cancelled) ELSE '' END
               || CASE WHEN c.pending + c.running > 0 THEN format(', %s unfinished (%s pending, %s running)', c.pending + c.running, c.pending, c.running) ELSE '' END,
        DETAIL = coalesce(bad_tags, '');
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION tagexec.assert_batch_ok IS 'Says how many jobs succeeded, e.g. 500 of 500 jobs succeeded; raises P0001 when any did not, naming up to ten tags with their errors. Raises P0002 for an unknown batch.';

-- +goose StatementBegin
CREATE FUNCTION tagexec.cancel_batch(batch text, reason text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    ended   integer;
    stopped integer;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tagexec batch ' || cancel_batch.batch, 0)); -- as submit_jobs
    WITH locked AS MATERIALIZED (
        SELECT j.id, j.state
          FROM tagexec.tag_jobs j
         WHERE j.batch = cancel_batch.batch AND j.state IN ('pending', 'running')
           AND (j.cancel_requested_at IS NULL OR j.retry_request IS NOT NULL)
         ORDER BY j.id
           FOR UPDATE
    ), pending AS (
        UPDATE tagexec.tag_jobs j
           SET state = 'cancelled', finished_at = clock_timestamp(), error_code = 'cancelled',
               error = coalesce(cancel_batch.reason, 'cancelled before it started')
          FROM locked l
         WHERE j.id = l.id AND l.state = 'pending'
     RETURNING j.id
    ), running AS (
        UPDATE tagexec.tag_jobs j
           SET cancel_requested_at = clock_timestamp(), retry_request = NULL
          FROM locked l
         WHERE j.id = l.id AND l.state = 'running'
     RETURNING j.id
    )
    SELECT (SELECT count(*) FROM pending), (SELECT count(*) FROM running) INTO ended, stopped;
    IF ended + stopped > 0 THEN
        UPDATE tagexec.tag_batches b
           SET cancel_requested_at = clock_timestamp(), cancel_reason = cancel_batch.reason
         WHERE b.batch = cancel_batch.batch;
        INSERT INTO tagexec.tag_operator_actions (action, batch, reason, before, after)
        VALUES ('cancel_batch', cancel_batch.batch, cancel_batch.reason,
                jsonb_build_object('pending', ended, 'running', stopped),
                jsonb_build_object('cancelled', ended, 'asked_to_stop', stopped));
    END IF;
    RETURN ended + stopped;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION tagexec.cancel_batch IS 'Cancels the batch''s pending jobs at once and asks its running ones to stop. Returns the jobs touched; 0 when there is nothing to do, also for an unknown batch.';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA tagexec FROM PUBLIC;
INSERT INTO tagexec.schema_versions (version, min_compatible) VALUES (3, 1);

-- +goose Down
DELETE FROM tagexec.schema_versions WHERE version = 3;
DROP FUNCTION tagexec.cancel_batch;
DROP FUNCTION tagexec.assert_batch_ok;
DROP FUNCTION tagexec.batch_settled;
DROP FUNCTION tagexec.require_batch;
DROP FUNCTION tagexec.resubmit_cancelled;
DROP FUNCTION tagexec.submit_jobs;
DROP FUNCTION tagexec.check_jobs;
DROP FUNCTION tagexec.check_submission;
DROP FUNCTION tagexec.read_jobs;
DROP TYPE tagexec.submitted_job;
