CREATE OR REPLACE FUNCTION tagexec.duration_bucket(seconds double precision) RETURNS integer
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
SELECT CASE WHEN seconds <= 0.001 THEN 1 ELSE least(49, 1 + ceil(2 * ln(seconds * 1000) / ln(2::double precision)))::integer END
$$;
COMMENT ON FUNCTION tagexec.duration_bucket IS 'Internal: which element of tag_minutes.run_counts counts such a time.';

CREATE OR REPLACE FUNCTION tagexec.bucket_counts(buckets integer[]) RETURNS integer[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
SELECT array_agg(c.n ORDER BY c.bucket)
  FROM (SELECT g.bucket, count(b.bucket)::integer AS n
          FROM generate_series(1, 49) g (bucket)
          LEFT JOIN unnest(buckets) b (bucket) ON b.bucket = g.bucket
         GROUP BY g.bucket) c
$$;
COMMENT ON FUNCTION tagexec.bucket_counts IS 'Internal: how often each bucket is among these.';

-- A record takes its time before it commits, and its statement may last for 8 s: after half a
-- minute the attempts of a minute are all there. Other executors pass over a call that is
-- under way. Attempts of a time before, as after the server's clock was set back, are left out.
CREATE OR REPLACE FUNCTION tagexec.write_minutes() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
    most    CONSTANT interval := '1 hour'; -- so that a call stays short
    since   timestamptz;
    closed  timestamptz := date_trunc('minute', clock_timestamp() - interval '30 seconds');
    through timestamptz;
BEGIN
    SELECT m.until INTO since FROM tagexec.minutes_written m FOR UPDATE SKIP LOCKED;
    IF NOT FOUND OR since >= closed THEN
        RETURN false;
    END IF;
    through := least(closed, since + most);
    INSERT INTO tagexec.tag_minutes (minute, pool, kind, outcome, attempts, run_seconds, wait_seconds, run_counts, wait_counts)
    SELECT a.minute, a.pool, a.kind, a.outcome, count(*), sum(a.run), sum(a.wait),
           tagexec.bucket_counts(array_agg(tagexec.duration_bucket(a.run))), tagexec.bucket_counts(array_agg(tagexec.duration_bucket(a.wait)))
      FROM (SELECT date_trunc('minute', t.finished_at) AS minute, coalesce(t.pool, '') AS pool, coalesce(t.kind, '') AS kind, t.outcome,
                   greatest(0, extract(epoch FROM t.finished_at - t.started_at))::double precision AS run,
                   greatest(0, extract(epoch FROM t.started_at - t.queued_at))::double precision AS wait
              FROM tagexec.attempts t
             WHERE t.finished_at >= since AND t.finished_at < through) a
     GROUP BY a.minute, a.pool, a.kind, a.outcome
        ON CONFLICT DO NOTHING;
    UPDATE tagexec.minutes_written SET until = through;
    RETURN through < closed;
END
$$;
COMMENT ON FUNCTION tagexec.write_minutes IS 'Internal: writes the minutes that are over to tag_minutes, an hour of them at most. Returns whether there are more. Called by executors.';
