-- A NOTIFY takes a lock of the whole database at commit, so it is sent only
-- while an executor listens. The flag for that is an advisory lock, which all
-- that listen share on the connection they listen on. It writes nothing, needs no
-- vacuum, and falls when its owner dies. Any login can raise that flag, and so make
-- inserts send what nobody needs; nobody can lower it. The trigger finds out whether
-- the lock is free by taking it within one expression, in which no cancel can leave it
-- behind. Any login can also fill the server's queue of notifications, and keep it full
-- with a transaction that listens and stays open: then whoever sends one fails. So none is
-- sent when it is half full; executors poll.
-- The planner puts this expression in the place of the call.
CREATE OR REPLACE FUNCTION tagexec.executors_listen() RETURNS boolean
LANGUAGE sql VOLATILE AS $$
SELECT (CASE WHEN pg_catalog.pg_try_advisory_lock(pg_catalog.hashtextextended('tagexec listening', 0::bigint))
             THEN NOT pg_catalog.pg_advisory_unlock(pg_catalog.hashtextextended('tagexec listening', 0::bigint))
             ELSE true END)
   AND pg_catalog.pg_notification_queue_usage() OPERATOR(pg_catalog.<) '0.5'::pg_catalog.float8
$$;
COMMENT ON FUNCTION tagexec.executors_listen IS 'Internal: whether an executor listens for new jobs and the server has room to notify it.';

CREATE OR REPLACE FUNCTION tagexec.wake_executors() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF tagexec.executors_listen() THEN
        PERFORM pg_catalog.pg_notify('tagexec', '');
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION tagexec.wake_executors IS 'Internal: sends NOTIFY tagexec if an executor listens, as check_new_jobs does for new jobs.';

-- Whoever makes a job pending again sets retry_request; claim and record do not.
CREATE OR REPLACE TRIGGER wake_executors_again AFTER UPDATE OF retry_request ON tagexec.tag_jobs
    FOR EACH STATEMENT EXECUTE FUNCTION tagexec.wake_executors();
COMMENT ON TRIGGER wake_executors_again ON tagexec.tag_jobs IS 'Jobs that are retried are started at once by an executor that listens.';

CREATE OR REPLACE TRIGGER wake_executors AFTER UPDATE OF slots, paused ON tagexec.tag_pools
    FOR EACH STATEMENT EXECUTE FUNCTION tagexec.wake_executors();
COMMENT ON TRIGGER wake_executors ON tagexec.tag_pools IS 'So are jobs of a pool that is resumed or enlarged.';
