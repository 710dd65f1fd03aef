CREATE OR REPLACE FUNCTION tagexec.listed(items text[]) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
SELECT array_to_string(items[:20], ', ') || CASE WHEN cardinality(items) > 20 THEN format(' and %s more', cardinality(items) - 20) ELSE '' END
$$;
COMMENT ON FUNCTION tagexec.listed IS 'Internal: the first twenty of a list for people, and how many more there are.';
