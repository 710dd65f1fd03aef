CREATE OR REPLACE FUNCTION tagexec.wrong_field(object jsonb, columns_of regclass) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    field record;
BEGIN
    FOR field IN
        SELECT a.attname, format_type(a.atttypid, a.atttypmod) AS type
          FROM pg_attribute a
         WHERE a.attrelid = columns_of AND a.attnum > 0 AND NOT a.attisdropped AND object ? a.attname
         ORDER BY a.attnum
    LOOP
        BEGIN
            EXECUTE format('SELECT CAST($1 AS %s)', field.type) USING object ->> field.attname;
        EXCEPTION WHEN data_exception THEN
            RETURN format('%s: %s', field.attname, SQLERRM);
        END;
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION tagexec.wrong_field IS 'Internal: the first field of an object whose value is none of the type that the column of this name has, and why; null if there is none.';
