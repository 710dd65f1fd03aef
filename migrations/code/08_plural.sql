CREATE OR REPLACE FUNCTION tagexec.plural(n bigint, what text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT plural.n || ' ' || plural.what || CASE plural.n WHEN 1 THEN '' ELSE 's' END
$$;
COMMENT ON FUNCTION tagexec.plural IS 'Internal: a number with what is counted, as 1 slot or 2 slots.';
