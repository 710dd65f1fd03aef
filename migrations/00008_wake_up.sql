-- Wake-up: executors that sleep hear of new work at once instead of at their
-- next poll. And a probe of the running mutex keys that no statistics mislead.

-- +goose Up
-- A NOTIFY takes a lock of the whole database at commit, so it is sent only
-- while somebody sleeps. The flag for that is an advisory lock which every
-- sleeper shares on the connection it listens on: raising it writes nothing,
-- needs no vacuum, and it falls when its owner dies. Whoever brings work looks
-- whether the lock is free by taking it for the moment of one expression, in
-- which no cancel can leave it behind.
-- +goose StatementBegin
CREATE FUNCTION tagexec.wake_executors() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF (CASE WHEN pg_catalog.pg_try_advisory_lock(pg_catalog.hashtextextended('tagexec asleep', 0::bigint))
            THEN NOT pg_catalog.pg_advisory_unlock(pg_catalog.hashtextextended('tagexec asleep', 0::bigint))
            ELSE true END) THEN
        PERFORM pg_catalog.pg_notify('tagexec', '');
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION tagexec.wake_executors IS 'Internal: sends NOTIFY tagexec if an executor sleeps.';
REVOKE EXECUTE ON FUNCTION tagexec.wake_executors FROM PUBLIC;

CREATE TRIGGER wake_executors AFTER INSERT ON tagexec.tag_jobs
    FOR EACH STATEMENT EXECUTE FUNCTION tagexec.wake_executors();
COMMENT ON TRIGGER wake_executors ON tagexec.tag_jobs IS 'New jobs are started at once by an executor that sleeps.';
-- Whoever makes a job pending again sets retry_request; claim and record do not.
CREATE TRIGGER wake_executors_again AFTER UPDATE OF retry_request ON tagexec.tag_jobs
    FOR EACH STATEMENT EXECUTE FUNCTION tagexec.wake_executors();
COMMENT ON TRIGGER wake_executors_again ON tagexec.tag_jobs IS 'So are jobs that are retried.';
CREATE TRIGGER wake_executors AFTER UPDATE OF slots, paused ON tagexec.tag_pools
    FOR EACH STATEMENT EXECUTE FUNCTION tagexec.wake_executors();
COMMENT ON TRIGGER wake_executors ON tagexec.tag_pools IS 'And jobs of a pool that is resumed or enlarged.';

-- Too few rows run when statistics are taken for the planner to believe that any
-- do; it then took an index of all that runs to look for one key. This predicate
-- only the probe and this index have.
DROP INDEX tagexec.tag_jobs_one_running_per_mutex_key;
CREATE UNIQUE INDEX tag_jobs_one_running_per_mutex_key ON tagexec.tag_jobs (mutex_key)
    WHERE state || '' = 'running' AND mutex_key IS NOT NULL;
COMMENT ON INDEX tagexec.tag_jobs_one_running_per_mutex_key IS 'The guarantee that a mutex key runs once at a time.';

INSERT INTO tagexec.schema_versions (version, min_compatible) VALUES (8, 1);

-- +goose Down
DELETE FROM tagexec.schema_versions WHERE version = 8;
DROP INDEX tagexec.tag_jobs_one_running_per_mutex_key;
CREATE UNIQUE INDEX tag_jobs_one_running_per_mutex_key ON tagexec.tag_jobs (mutex_key)
    WHERE state = 'running' AND mutex_key IS NOT NULL;
COMMENT ON INDEX tagexec.tag_jobs_one_running_per_mutex_key IS 'The guarantee that a mutex key runs once at a time.';
DROP TRIGGER wake_executors ON tagexec.tag_pools;
DROP TRIGGER wake_executors_again ON tagexec.tag_jobs;
DROP TRIGGER wake_executors ON tagexec.tag_jobs;
DROP FUNCTION tagexec.wake_executors;
