-- A statement that looks for jobs fails as a whole where one row cannot be read: its
-- page is damaged, or a value that is stored elsewhere. This halves a range of ids
-- until it knows which. The index of the ids leads to each row alone, so also the ids
-- on a page of which nothing can be read are known. Of final jobs only the page is read.
CREATE OR REPLACE FUNCTION tagexec.unreadable_jobs(first bigint, last bigint) RETURNS SETOF bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off AS $$
DECLARE
    middle bigint := first + (last - first) / 2;
BEGIN
    PERFORM max(octet_length(convert_to(concat(t.tag, t.kind, t.payload, t.batch, t.pool, t.mutex_key), 'UTF8')))
       FROM tagexec.tag_jobs t
      WHERE t.id BETWEEN first AND last
        AND t.state || '' IN ('pending', 'running'); -- so that no other index is taken
EXCEPTION WHEN OTHERS THEN
    IF NOT tagexec.is_of_row(SQLSTATE) THEN
        RAISE;
    ELSIF first = last THEN
        RETURN NEXT first;
    ELSE
        RETURN QUERY SELECT tagexec.unreadable_jobs(first, middle);
        RETURN QUERY SELECT tagexec.unreadable_jobs(middle + 1, last);
    END IF;
END
$$;
COMMENT ON FUNCTION tagexec.unreadable_jobs IS 'Internal: the ids of a range whose row cannot be read.';

CREATE OR REPLACE FUNCTION tagexec.isolate_unreadable_jobs(first bigint, last bigint) RETURNS TABLE (job_id bigint, error_code text, error text, is_new boolean)
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
SELECT i.* FROM tagexec.isolate_jobs(ARRAY(SELECT tagexec.unreadable_jobs(first, last))) i
$$;
COMMENT ON FUNCTION tagexec.isolate_unreadable_jobs IS 'Internal: notes in tag_unwritable_jobs which jobs of a range of ids cannot be read, and returns them as isolate_jobs does.';
