-- What an executor cannot use now, and since when a job finds no executor that can
-- run it.

-- +goose Up
ALTER TABLE tagexec.tag_executors ADD COLUMN unavailable jsonb;
COMMENT ON COLUMN tagexec.tag_executors.unavailable IS 'What it cannot use now: an array of objects with kind, resource, since, error, and internal fields; null means nothing. It claims no job that needs any of it.';
ALTER TABLE tagexec.tag_jobs ADD COLUMN unavailable_since timestamptz;
COMMENT ON COLUMN tagexec.tag_jobs.unavailable_since IS 'Since when no executor could run it, because what it needs is unavailable to all; null again when something runs.';
INSERT INTO tagexec.schema_versions (version, min_compatible) VALUES (11, 10);

-- +goose Down
DELETE FROM tagexec.schema_versions WHERE version = 11;
ALTER TABLE tagexec.tag_jobs DROP COLUMN unavailable_since;
ALTER TABLE tagexec.tag_executors DROP COLUMN unavailable;
