CREATE OR REPLACE FUNCTION tagexec.assert_batch_ok(batch text) RETURNS text
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
    SELECT string_agg(tagexec.one_line(format('%s%s: %s', b.tag, coalesce(' ' || b.biz_date, ''),
                      concat_ws(' ', b.state, '[' || b.error_code || ']', left(b.error, 300)))), E'\n')
      INTO bad_tags
      FROM (SELECT * FROM tagexec.tag_jobs j
             WHERE j.batch = assert_batch_ok.batch AND j.state IN ('failed', 'cancelled')
             ORDER BY j.state DESC, j.id LIMIT 10) b;
    RAISE EXCEPTION USING ERRCODE = 'raise_exception',
        MESSAGE = format('batch "%s": %s of %s jobs succeeded', tagexec.one_line(batch), c.succeeded, c.total)
               || CASE WHEN c.failed > 0 THEN format(', %s failed', c.failed) ELSE '' END
               || CASE WHEN c.cancelled > 0 THEN format(', %s cancelled', c.cancelled) ELSE '' END
               || CASE WHEN c.pending + c.running > 0 THEN format(', %s unfinished (%s pending, %s running)', c.pending + c.running, c.pending, c.running) ELSE '' END
               || tagexec.page_of_batch(batch),
        DETAIL = coalesce(bad_tags, '');
END
$$;
COMMENT ON FUNCTION tagexec.assert_batch_ok IS 'Says how many jobs succeeded, e.g. 500 of 500 jobs succeeded; raises P0001 when any did not, naming up to ten tags with their errors. Raises P0002 for an unknown batch.';
