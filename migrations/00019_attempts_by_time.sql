-- History by tag, and by time where tag_jobs shows an attempt. The attempts of before
-- get what their job is now: what it was then is not known.

-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE tagexec.tag_jobs VALIDATE CONSTRAINT tag_jobs_last_outcome_is_of_a_failure, VALIDATE CONSTRAINT tag_jobs_pending_shows_no_attempt;
ALTER TABLE tagexec.tag_past_attempts DISABLE TRIGGER USER; -- nobody's code runs with the rights of who migrates
UPDATE tagexec.tag_past_attempts a
   SET tag = j.tag, kind = j.kind, pool = j.pool, slots = j.slots, batch = j.batch, biz_date = j.biz_date
  FROM tagexec.tag_jobs j
 WHERE j.id = a.job_id AND a.tag IS NULL;
ALTER TABLE tagexec.tag_past_attempts ENABLE TRIGGER USER;
DROP INDEX CONCURRENTLY IF EXISTS tagexec.tag_past_attempts_by_tag;
CREATE INDEX CONCURRENTLY tag_past_attempts_by_tag ON tagexec.tag_past_attempts (tag, finished_at);
COMMENT ON INDEX tagexec.tag_past_attempts_by_tag IS 'History of a tag.';
DROP INDEX CONCURRENTLY IF EXISTS tagexec.tag_past_attempts_by_batch;
CREATE INDEX CONCURRENTLY tag_past_attempts_by_batch ON tagexec.tag_past_attempts (batch) WHERE batch IS NOT NULL;
COMMENT ON INDEX tagexec.tag_past_attempts_by_batch IS 'History of a batch.';
DROP INDEX CONCURRENTLY IF EXISTS tagexec.tag_jobs_by_tag;
CREATE INDEX CONCURRENTLY tag_jobs_by_tag ON tagexec.tag_jobs (tag, finished_at) WHERE finished_at IS NOT NULL;
COMMENT ON INDEX tagexec.tag_jobs_by_tag IS 'History of a tag: the attempts that tag_jobs shows.';
-- Their predicates are of one column at the front of the row, because each update looks
-- at all that indexes name. Not one with tag_jobs_by_creation: a BRIN range in which a
-- column is null is written anew for every further null.
DROP INDEX CONCURRENTLY IF EXISTS tagexec.tag_jobs_by_finish;
CREATE INDEX CONCURRENTLY tag_jobs_by_finish ON tagexec.tag_jobs USING brin (finished_at) WHERE finished_at IS NOT NULL;
COMMENT ON INDEX tagexec.tag_jobs_by_finish IS 'Analysts: the attempts that tag_jobs shows, by time.';
INSERT INTO tagexec.schema_versions (version, min_compatible) VALUES (19, 18) ON CONFLICT DO NOTHING;

-- +goose Down
DELETE FROM tagexec.schema_versions WHERE version = 19;
DROP INDEX CONCURRENTLY IF EXISTS tagexec.tag_jobs_by_finish;
DROP INDEX CONCURRENTLY IF EXISTS tagexec.tag_jobs_by_tag;
DROP INDEX CONCURRENTLY IF EXISTS tagexec.tag_past_attempts_by_batch;
DROP INDEX CONCURRENTLY IF EXISTS tagexec.tag_past_attempts_by_tag;
