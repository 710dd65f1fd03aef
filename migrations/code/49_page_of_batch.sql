-- Where people find the page is for who connects to say, as Airflow's connection does
-- with options=-c tagexec.ui_url=ADDRESS
CREATE OR REPLACE FUNCTION tagexec.page_of_batch(batch text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
SELECT coalesce('; ' || tagexec.one_line(rtrim(nullif(current_setting('tagexec.ui_url', true), ''), '/')) || '/batches/'
                || CASE WHEN batch IN ('.', '..') THEN replace(batch, '.', '%2E') -- else a browser goes up
                        ELSE (SELECT string_agg(CASE WHEN c.char ~ '^[A-Za-z0-9_.~:+-]$' THEN c.char
                                                     ELSE upper(regexp_replace(encode(convert_to(c.char, 'UTF8'), 'hex'), '(..)', '%\1', 'g')) END, '' ORDER BY c.n)
                                FROM regexp_split_to_table(batch, '') WITH ORDINALITY c (char, n)) END, '')
$$;
COMMENT ON FUNCTION tagexec.page_of_batch IS 'Internal: the address of the page of a batch, behind a semicolon, where the setting tagexec.ui_url says where the page is; else nothing.';
