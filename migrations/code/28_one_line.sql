-- What a log takes as one message must stay one line: a tag with a line feed could
-- otherwise write what looks like a line of the scheduler. Nor may anything in it turn
-- the direction of writing, or be invisible. Only in UTF8 these characters have the
-- numbers below; SQL_ASCII would take bytes of others for them.
CREATE OR REPLACE FUNCTION tagexec.one_line(text text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
SELECT regexp_replace(one_line.text, CASE getdatabaseencoding()
    WHEN 'UTF8' THEN '[\x01-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]+'
    ELSE '[\x01-\x1f\x7f]+' END, ' ', 'g')
$$;
COMMENT ON FUNCTION tagexec.one_line IS 'Internal: the text with blanks for characters that a terminal obeys or nobody sees.';
