-- Operating by verbs: who pressed what on whose behalf and with which others, executors
-- that are asked to end, and history by the minute. The code changes too: a retry takes a
-- reason.

-- +goose Up
ALTER TABLE tagexec.tag_operator_actions
    ADD COLUMN executor_id uuid,
    ADD COLUMN bulk_id     uuid DEFAULT nullif(current_setting('tagexec.bulk_id', true), '')::uuid,
    ADD COLUMN job_ids     bigint[],
    ADD COLUMN filter      text DEFAULT left(nullif(current_setting('tagexec.filter', true), ''), 2000),
    ALTER COLUMN reason  SET DEFAULT left(nullif(current_setting('tagexec.reason', true), ''), 1000),
    ALTER COLUMN ui_user SET DEFAULT left(nullif(current_setting('tagexec.ui_user', true), ''), 200);
COMMENT ON COLUMN tagexec.tag_operator_actions.ui_user     IS 'User of the page or program that did it, as "by" states it in the setting tagexec.ui_user: a claim of "by", which itself cannot be forged.';
COMMENT ON COLUMN tagexec.tag_operator_actions.executor_id IS 'Executor it was done to (tag_executors.id).';
COMMENT ON COLUMN tagexec.tag_operator_actions.bulk_id     IS 'Common to the actions that are parts of one, as the setting tagexec.bulk_id states it.';
COMMENT ON COLUMN tagexec.tag_operator_actions.job_ids     IS 'Jobs that an action on several was done to.';
COMMENT ON COLUMN tagexec.tag_operator_actions.filter      IS 'How these jobs were chosen, as "by" states it in the setting tagexec.filter.';
COMMENT ON COLUMN tagexec.tag_operator_actions.reason      IS 'Reason given: to the function, or in the setting tagexec.reason where that takes none, as an UPDATE of a pool.';
CREATE INDEX tag_operator_actions_by_job ON tagexec.tag_operator_actions (job_id) WHERE job_id IS NOT NULL;
COMMENT ON INDEX tagexec.tag_operator_actions_by_job IS 'What was done to a job.';
CREATE INDEX tag_operator_actions_by_jobs ON tagexec.tag_operator_actions USING gin (job_ids) WHERE job_ids IS NOT NULL;
COMMENT ON INDEX tagexec.tag_operator_actions_by_jobs IS 'What was done to a job among others.';
CREATE INDEX tag_operator_actions_by_batch ON tagexec.tag_operator_actions (batch) WHERE batch IS NOT NULL;
COMMENT ON INDEX tagexec.tag_operator_actions_by_batch IS 'What was done to a batch.';

CREATE INDEX tag_batches_by_creation ON tagexec.tag_batches (created_at, batch);
COMMENT ON INDEX tagexec.tag_batches_by_creation IS 'Lists of batches, the newest first.';
CREATE INDEX tag_batches_by_dag ON tagexec.tag_batches (dag_id, created_at) WHERE dag_id IS NOT NULL;
COMMENT ON INDEX tagexec.tag_batches_by_dag IS 'Batches of a DAG, the newest first.';

ALTER TABLE tagexec.tag_executors
    ADD COLUMN drain_requested_at timestamptz,
    ADD COLUMN drain_reason       text;
COMMENT ON COLUMN tagexec.tag_executors.drain_requested_at IS 'When it was asked to claim nothing more and to end when its jobs have.';
COMMENT ON COLUMN tagexec.tag_executors.drain_reason       IS 'Reason given for that.';
CREATE INDEX tag_executors_by_start ON tagexec.tag_executors (started_at);
COMMENT ON INDEX tagexec.tag_executors_by_start IS 'Lists of executors, the newest first; prune.';

CREATE TABLE tagexec.tag_minutes (
    minute       timestamptz      NOT NULL,
    pool         text             COLLATE "C" NOT NULL,
    kind         text             COLLATE "C" NOT NULL,
    outcome      text             NOT NULL,
    attempts     bigint           NOT NULL,
    run_seconds  double precision NOT NULL,
    wait_seconds double precision NOT NULL,
    run_counts   integer[]        NOT NULL,
    wait_counts  integer[]        NOT NULL,
    PRIMARY KEY (minute, pool, kind, outcome)
);
COMMENT ON TABLE  tagexec.tag_minutes IS 'Attempts that ended, by the minute, for charts; stays when the attempts are pruned. A minute is written once, half a minute after its end. Read tagreport.minutes.';
COMMENT ON COLUMN tagexec.tag_minutes.minute       IS 'Start of the minute.';
COMMENT ON COLUMN tagexec.tag_minutes.pool         IS 'Pool of the attempts.';
COMMENT ON COLUMN tagexec.tag_minutes.kind         IS 'Kind of their jobs.';
COMMENT ON COLUMN tagexec.tag_minutes.outcome      IS 'How they ended.';
COMMENT ON COLUMN tagexec.tag_minutes.attempts     IS 'How many.';
COMMENT ON COLUMN tagexec.tag_minutes.run_seconds  IS 'Sum of the times from started to finished.';
COMMENT ON COLUMN tagexec.tag_minutes.wait_seconds IS 'Sum of the times from due to started.';
COMMENT ON COLUMN tagexec.tag_minutes.run_counts   IS 'How many ran how long: element i counts those of up to 0.001 * 2^((i - 1) / 2) seconds that are longer than those before it; the last, number 49, all that are longer than 3.3 hours.';
COMMENT ON COLUMN tagexec.tag_minutes.wait_counts  IS 'How many waited how long, likewise.';

CREATE TABLE tagexec.minutes_written (
    until timestamptz NOT NULL
);
COMMENT ON TABLE  tagexec.minutes_written IS 'Internal: one row, until when tag_minutes is written. Who writes on locks it.';
COMMENT ON COLUMN tagexec.minutes_written.until IS 'Start of the first minute that is not written.';
INSERT INTO tagexec.minutes_written (until) VALUES (date_trunc('minute', now() - interval '1 day')); -- charts begin with a day

-- Functions whose arguments change go; who may call them may call what comes.
INSERT INTO tagexec.kept_rights (privilege, object, grantee)
SELECT a.privilege_type, f.new, r.rolname
  FROM (VALUES ('tagexec.retry_job(bigint)',      'FUNCTION tagexec.retry_job(bigint, text)'),
               ('tagexec.retry_batch(text,text)', 'FUNCTION tagexec.retry_batch(text, text, text)')) f (old, new)
  JOIN pg_catalog.pg_proc p ON p.oid = to_regprocedure(f.old)
 CROSS JOIN aclexplode(p.proacl) a
  JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
 WHERE a.grantee <> p.proowner;
DROP FUNCTION IF EXISTS tagexec.retry_job(bigint);
DROP FUNCTION IF EXISTS tagexec.retry_batch(text, text);
DROP FUNCTION IF EXISTS tagexec.requeue(bigint[], text[]);

INSERT INTO tagexec.schema_versions (version, min_compatible) VALUES (20, 18);

-- +goose Down
DELETE FROM tagexec.schema_versions WHERE version = 20;
DROP TABLE tagexec.minutes_written;
DROP TABLE tagexec.tag_minutes;
DROP INDEX tagexec.tag_executors_by_start;
ALTER TABLE tagexec.tag_executors DROP COLUMN drain_requested_at, DROP COLUMN drain_reason;
DROP INDEX tagexec.tag_batches_by_dag;
DROP INDEX tagexec.tag_batches_by_creation;
ALTER TABLE tagexec.tag_operator_actions DROP COLUMN executor_id, DROP COLUMN bulk_id, DROP COLUMN job_ids, DROP COLUMN filter, ALTER COLUMN ui_user DROP DEFAULT, ALTER COLUMN reason DROP DEFAULT;
DROP INDEX tagexec.tag_operator_actions_by_batch;
DROP INDEX tagexec.tag_operator_actions_by_job;
COMMENT ON COLUMN tagexec.tag_operator_actions.ui_user IS 'User of the web page, if it was done there.';
COMMENT ON COLUMN tagexec.tag_operator_actions.reason IS 'Reason given.';
