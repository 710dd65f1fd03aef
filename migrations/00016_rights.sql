-- The code changes: executors prune by functions.

-- +goose Up
INSERT INTO tagexec.schema_versions (version, min_compatible) VALUES (16, 14);

-- +goose Down
DELETE FROM tagexec.schema_versions WHERE version = 16;
