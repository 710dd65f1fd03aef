-- What failed, the newest first: costs only the jobs that fail.

-- +goose NO TRANSACTION
-- +goose Up
DROP INDEX CONCURRENTLY IF EXISTS tagexec.tag_jobs_failed;
CREATE INDEX CONCURRENTLY tag_jobs_failed ON tagexec.tag_jobs (finished_at, id) WHERE state = 'failed';
COMMENT ON INDEX tagexec.tag_jobs_failed IS 'Lists of failed jobs, the newest first.';
INSERT INTO tagexec.schema_versions (version, min_compatible) VALUES (21, 18) ON CONFLICT DO NOTHING;

-- +goose Down
DELETE FROM tagexec.schema_versions WHERE version = 21;
DROP INDEX CONCURRENTLY IF EXISTS tagexec.tag_jobs_failed;
