CREATE OR REPLACE FUNCTION tagexec.read_jobs(batch text, jobs jsonb) RETURNS SETOF tagexec.submitted_job
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
COMMENT ON FUNCTION tagexec.read_jobs IS 'Internal: the jobs of a submission as rows with their defaults; a job without dedupe_key gets one made from (batch, tag, biz_date).';
