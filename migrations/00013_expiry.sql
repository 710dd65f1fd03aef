-- A batch can end by time, the names of pools fit the indexes, and executors
-- submit nothing.

-- +goose Up
ALTER TABLE tagexec.tag_batches
    ADD COLUMN expires_at timestamptz,
    ADD COLUMN expired_at timestamptz,
    ADD CONSTRAINT tag_batches_expires_at_is_finite CHECK (isfinite(expires_at));
COMMENT ON COLUMN tagexec.tag_batches.expires_at IS 'When the batch is over: what is left of it then is cancelled, and jobs inserted later run. Null: never.';
COMMENT ON COLUMN tagexec.tag_batches.expired_at IS 'Internal: when expires_at was acted on; null before, and again after a later submit_jobs or retry.';
CREATE INDEX tag_batches_open_expiries ON tagexec.tag_batches (expires_at)
    WHERE expires_at IS NOT NULL AND expired_at IS NULL;
COMMENT ON INDEX tagexec.tag_batches_open_expiries IS 'Expiry: batches that will be over, or are.';

-- With a mutex key of 500 characters of 4 bytes it must fit in an index entry of
-- 2,704 bytes. Not validated: a name that is there already stays.
ALTER TABLE tagexec.tag_pools
    ADD CONSTRAINT tag_pools_pool_has_at_most_600_bytes CHECK (octet_length(pool) <= 600) NOT VALID;

-- What is subtracted from the time must be a time.
ALTER TABLE tagexec.tag_executors
    ADD CONSTRAINT tag_executors_lease_seconds_at_most_1e9 CHECK (lease_seconds <= 1e9) NOT VALID;

-- +goose StatementBegin
DO $$
BEGIN
    IF to_regrole('tagexec_executor') IS NOT NULL AND to_regprocedure('tagexec.submit_jobs(text, jsonb, jsonb, text)') IS NOT NULL THEN
        REVOKE EXECUTE ON FUNCTION tagexec.submit_jobs(text, jsonb, jsonb, text) FROM tagexec_executor;
    END IF;
END
$$;
-- +goose StatementEnd

INSERT INTO tagexec.schema_versions (version, min_compatible) VALUES (13, 10);

-- +goose Down
DELETE FROM tagexec.schema_versions WHERE version = 13;
ALTER TABLE tagexec.tag_executors DROP CONSTRAINT tag_executors_lease_seconds_at_most_1e9;
ALTER TABLE tagexec.tag_pools DROP CONSTRAINT tag_pools_pool_has_at_most_600_bytes;
ALTER TABLE tagexec.tag_batches DROP COLUMN expires_at, DROP COLUMN expired_at;
