-- As badRow of store's errors.go.
CREATE OR REPLACE FUNCTION tagexec.is_of_row(code text) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT left(is_of_row.code, 2) IN ('22', '23', '44', '54', '58', 'P0', 'XX')
$$;
COMMENT ON FUNCTION tagexec.is_of_row IS 'Internal: whether a SQLSTATE tells what is wrong with one row, and not with the server, a lock or the rights.';
