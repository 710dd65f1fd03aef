-- What a log takes as one message must stay one line: a tag with a line feed could
-- otherwise write what looks like a line of the scheduler.
CREATE OR REPLACE FUNCTION tagexec.one_line(text text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
SELECT regexp_replace(one_line.text, '[\x01-\x1f\x7f]+', ' ', 'g')
$$;
COMMENT ON FUNCTION tagexec.one_line IS 'Internal: the text with blanks for control characters.';
