-- Alive is who gave a sign within a lease of now, on either side: the server's clock may
-- have been set back since, and then a dead executor would look alive for as long. One
-- that lives mends that with its next heartbeat.
CREATE OR REPLACE VIEW tagreport.executors AS
SELECT e.id, e.hostname, e.pid, e.version, e.workers,
       coalesce(r.running, 0) AS running,
       e.kinds, e.pools, e.started_at, e.heartbeat_at, e.lease_seconds,
       e.stopped_at IS NULL AND e.reaped_at IS NULL AND e.heartbeat_at BETWEEN now() - make_interval(secs => e.lease_seconds) AND now() + make_interval(secs => e.lease_seconds) AS alive,
       e.stopped_at, e.reaped_at, e.batch, e.unavailable, e.drain_requested_at, e.drain_reason
  FROM tagexec.tag_executors e
  LEFT JOIN (SELECT j.executor_id, count(*) AS running FROM tagexec.tag_jobs j WHERE j.state = 'running' GROUP BY j.executor_id) r ON r.executor_id = e.id;
COMMENT ON VIEW   tagreport.executors IS 'Executor processes, running and past; a new row at each start.';
COMMENT ON COLUMN tagreport.executors.id            IS 'Random id of this start of the process.';
COMMENT ON COLUMN tagreport.executors.hostname      IS 'Host it runs on.';
COMMENT ON COLUMN tagreport.executors.pid           IS 'Process id on that host.';
COMMENT ON COLUMN tagreport.executors.version       IS 'Version of tagexec.';
COMMENT ON COLUMN tagreport.executors.workers       IS 'Jobs it can run at the same time.';
COMMENT ON COLUMN tagreport.executors.running       IS 'Jobs it has now, those on their way to a worker included.';
COMMENT ON COLUMN tagreport.executors.kinds         IS 'Kinds of job it runs.';
COMMENT ON COLUMN tagreport.executors.pools         IS 'Pools it takes jobs from; null means all.';
COMMENT ON COLUMN tagreport.executors.started_at    IS 'When it registered.';
COMMENT ON COLUMN tagreport.executors.heartbeat_at  IS 'Its last sign of life.';
COMMENT ON COLUMN tagreport.executors.lease_seconds IS 'Without a heartbeat for this long its jobs are offered to others.';
COMMENT ON COLUMN tagreport.executors.alive         IS 'It has not ended, and its last heartbeat is younger than its lease. One that lies further ahead was written by a clock that was set back since, and tells nothing.';
COMMENT ON COLUMN tagreport.executors.stopped_at    IS 'When it ended by itself.';
COMMENT ON COLUMN tagreport.executors.reaped_at     IS 'When another executor found its lease over and took its jobs away.';
COMMENT ON COLUMN tagreport.executors.batch         IS 'Batch whose jobs alone it runs; null means all.';
COMMENT ON COLUMN tagreport.executors.unavailable   IS 'What it cannot use now, so that it claims no job that needs it: an array of objects with kind, resource, since, error; null means nothing.';
COMMENT ON COLUMN tagreport.executors.drain_requested_at IS 'When it was asked to claim nothing more and to end when its jobs have.';
COMMENT ON COLUMN tagreport.executors.drain_reason  IS 'Reason given for that.';
