CREATE OR REPLACE FUNCTION tagexec.live_output(id bigint, attempt integer, from_byte bigint) RETURNS TABLE (at_byte bigint, chunk text, output_bytes bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
SELECT l.from_byte, l.chunk, l.output_bytes
  FROM tagexec.tag_jobs j
  JOIN tagexec.tag_live_output l ON l.job_id = j.id AND l.attempt = j.attempt AND l.executor_id = j.executor_id
 WHERE j.id = live_output.id
   AND j.attempt = live_output.attempt
   AND l.from_byte >= live_output.from_byte
 ORDER BY l.from_byte
$$;
COMMENT ON FUNCTION tagexec.live_output IS 'What the present attempt of a job has printed so far, as far as it was watched (see watch_output), until ten minutes after its end: the chunks that begin at from_byte or later, counted in bytes of all chunks. output_bytes is how many bytes the attempt had printed where a chunk ends. Nothing for an attempt that is not the present one.';
