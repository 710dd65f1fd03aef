CREATE OR REPLACE FUNCTION tagexec.check_jobs(batch text, jobs jsonb) RETURNS tagexec.submitted_job[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    fields      CONSTANT text[] := '{tag,kind,payload,batch,biz_date,dedupe_key,pool,slots,priority,mutex_key,run_at,timeout_seconds,max_attempts}';
    text_fields CONSTANT text[] := '{tag,kind,batch,biz_date,dedupe_key,pool,mutex_key,run_at}';
    checked  tagexec.submitted_job[];
    unclear  integer;
    bad      record;
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
                    MESSAGE = format('job %s (tag "%s"): %s', bad.n, bad.job ->> 'tag', coalesce(tagexec.wrong_field(bad.job, 'tagexec.tag_jobs'), SQLERRM));
            END;
        END LOOP;
        RAISE;
    END;

    unclear := tagexec.first_without_zone(ARRAY(SELECT job ->> 'run_at' FROM jsonb_array_elements(jobs) WITH ORDINALITY j (job, n) ORDER BY n));
    IF unclear IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('job %s (tag "%s"): run_at "%s" must be a time with its zone', unclear, jobs -> unclear - 1 ->> 'tag', left(jobs -> unclear - 1 ->> 'run_at', 80)),
            HINT = 'Write it as 2026-11-28T20:00:00+08:00, or with Z for UTC.';
    END IF;
    unclear := tagexec.first_without_year(ARRAY(SELECT job ->> 'biz_date' FROM jsonb_array_elements(jobs) WITH ORDINALITY j (job, n) ORDER BY n));
    IF unclear IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('job %s (tag "%s"): biz_date "%s" must begin with its year', unclear, jobs -> unclear - 1 ->> 'tag', left(jobs -> unclear - 1 ->> 'biz_date', 80)),
            HINT = 'Write it as 2026-11-28.';
    END IF;
    PERFORM tagexec.refuse_broken_rule(checked);

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
COMMENT ON FUNCTION tagexec.check_jobs IS 'Internal: the jobs of a submission as rows; raises an error that names the first wrong job and field.';
