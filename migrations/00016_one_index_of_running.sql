-- What runs has one index: each index of running jobs costs a job two writes, and who
-- asks for the jobs of an executor reads all that run.

-- +goose NO TRANSACTION
-- +goose Up
DROP INDEX CONCURRENTLY IF EXISTS tagexec.tag_jobs_running_by_executor;
COMMENT ON INDEX tagexec.tag_jobs_running_by_pool IS 'Claim: slots in use, counted from what runs. Read-back and reap: all that runs.';
INSERT INTO tagexec.schema_versions (version, min_compatible) VALUES (16, 14) ON CONFLICT DO NOTHING;

-- +goose Down
DELETE FROM tagexec.schema_versions WHERE version = 16;
COMMENT ON INDEX tagexec.tag_jobs_running_by_pool IS 'Claim: slots in use, counted from what runs.';
DROP INDEX CONCURRENTLY IF EXISTS tagexec.tag_jobs_running_by_executor;
CREATE INDEX CONCURRENTLY tag_jobs_running_by_executor ON tagexec.tag_jobs (executor_id, started_at) WHERE state = 'running';
COMMENT ON INDEX tagexec.tag_jobs_running_by_executor IS 'Heartbeat and reap: what an executor runs.';
