-- The code changes: rows that cannot be read are found and isolated, and
-- tagreport.jobs shows unavailable_since.

-- +goose Up
INSERT INTO tagexec.schema_versions (version, min_compatible) VALUES (15, 14);

-- +goose Down
DELETE FROM tagexec.schema_versions WHERE version = 15;
