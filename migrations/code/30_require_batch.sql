CREATE OR REPLACE FUNCTION tagexec.require_batch(batch text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM tagexec.tag_batches b WHERE b.batch = require_batch.batch) THEN
        RAISE EXCEPTION USING ERRCODE = 'no_data_found', MESSAGE = format('there is no batch "%s"', batch),
            HINT = 'A batch exists once a job was inserted or submitted under its key.';
    END IF;
END
$$;
COMMENT ON FUNCTION tagexec.require_batch IS 'Internal: raises P0002 for a batch key that was never used.';
