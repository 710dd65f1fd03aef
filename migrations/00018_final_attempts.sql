-- A job shows its first attempt itself, if it ended with that, as nearly every job does.
-- The other attempts have rows of their own, with what the job was then: a later one of a
-- job would bring a new time to an old place, and history is found by the order of its
-- times. tag_job_attempts is a view over both, and comes with the code.

-- +goose Up
LOCK TABLE tagexec.tag_job_attempts, tagexec.tag_jobs IN ACCESS EXCLUSIVE MODE;
DROP TRIGGER IF EXISTS append_only ON tagexec.tag_job_attempts;
ALTER TABLE tagexec.tag_job_attempts RENAME TO tag_past_attempts;
ALTER TABLE tagexec.tag_past_attempts RENAME CONSTRAINT tag_job_attempts_pkey TO tag_past_attempts_pkey;
ALTER TABLE tagexec.tag_past_attempts RENAME CONSTRAINT tag_job_attempts_outcome_is_known TO tag_past_attempts_outcome_is_known;
ALTER INDEX tagexec.tag_job_attempts_by_finish RENAME TO tag_past_attempts_by_finish;
ALTER TABLE tagexec.tag_past_attempts
    ADD COLUMN biz_date date,
    ADD COLUMN slots    integer,
    ADD COLUMN tag      text,
    ADD COLUMN kind     text COLLATE "C",
    ADD COLUMN pool     text COLLATE "C",
    ADD COLUMN batch    text COLLATE "C";
COMMENT ON TABLE  tagexec.tag_past_attempts IS 'Internal: ended attempts but those that tag_jobs shows itself; append-only. Read tag_job_attempts.';
COMMENT ON COLUMN tagexec.tag_past_attempts.biz_date IS 'Business date of the job, as it was then.';
COMMENT ON COLUMN tagexec.tag_past_attempts.slots    IS 'Slots that the attempt held.';
COMMENT ON COLUMN tagexec.tag_past_attempts.tag      IS 'Tag of the job, as it was then; null if it was deleted before version 18.';
COMMENT ON COLUMN tagexec.tag_past_attempts.kind     IS 'Kind of the job, as it was then.';
COMMENT ON COLUMN tagexec.tag_past_attempts.pool     IS 'Pool of the job, as it was then.';
COMMENT ON COLUMN tagexec.tag_past_attempts.batch    IS 'Batch of the job, as it was then.';

-- Nearly every job succeeds at once. For it no new column changes: what is at the end of
-- a row and changes makes all before it part of what is logged.
ALTER TABLE tagexec.tag_jobs
    ADD COLUMN attempt_is_past   boolean NOT NULL DEFAULT true, -- of the jobs that are there
    ADD COLUMN last_outcome      text,
    ADD COLUMN last_output       text,
    ADD COLUMN last_output_bytes bigint,
    ADD CONSTRAINT tag_jobs_last_outcome_is_of_a_failure CHECK (
        last_outcome IS NULL OR state = 'failed' AND last_outcome IN ('failed', 'timed_out', 'interrupted', 'lost')) NOT VALID,
    ADD CONSTRAINT tag_jobs_pending_shows_no_attempt CHECK (state <> 'pending' OR attempt = 0 OR attempt_is_past) NOT VALID;
ALTER TABLE tagexec.tag_jobs ALTER COLUMN attempt_is_past SET DEFAULT false;
COMMENT ON COLUMN tagexec.tag_jobs.attempt_is_past   IS 'Internal: whether the attempts of the job that ended are in tag_past_attempts. Else a final job shows its one attempt.';
COMMENT ON COLUMN tagexec.tag_jobs.last_outcome      IS 'Internal: how the attempt ended that a failed job shows; one that did not fail, as its state says.';
COMMENT ON COLUMN tagexec.tag_jobs.last_output       IS 'Internal: output of the attempt that a final job shows. Read tag_job_attempts.';
COMMENT ON COLUMN tagexec.tag_jobs.last_output_bytes IS 'Internal: true length of that output in bytes; null for none.';

-- What somebody else was granted on the table comes back on the view.
INSERT INTO tagexec.kept_rights (privilege, object, grantee)
SELECT 'SELECT', 'TABLE tagexec.tag_job_attempts', r.rolname
  FROM pg_catalog.pg_class c
 CROSS JOIN aclexplode(c.relacl) a
  JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
 WHERE c.oid = 'tagexec.tag_past_attempts'::regclass AND a.privilege_type = 'SELECT' AND a.grantee <> c.relowner
   AND EXISTS (SELECT FROM tagexec.schema_versions WHERE code_hash IS NOT NULL); -- in a new schema nobody granted anything
-- +goose StatementBegin
DO $$
DECLARE
    r name;
BEGIN
    FOR r IN SELECT k.grantee FROM tagexec.kept_rights k WHERE k.object = 'TABLE tagexec.tag_job_attempts' AND k.grantee <> 'tagexec_executor' LOOP
        EXECUTE format('REVOKE SELECT ON tagexec.tag_past_attempts FROM %I', r);
    END LOOP;
END
$$;
-- +goose StatementEnd

-- Executors of before insert into what is a view now.
INSERT INTO tagexec.schema_versions (version, min_compatible) VALUES (18, 18);

-- +goose Down
DELETE FROM tagexec.schema_versions WHERE version = 18;
LOCK TABLE tagexec.tag_jobs, tagexec.tag_past_attempts IN ACCESS EXCLUSIVE MODE;
ALTER TABLE tagexec.tag_past_attempts DISABLE TRIGGER USER; -- nobody's code runs with the rights of who migrates
INSERT INTO tagexec.tag_past_attempts (job_id, executor_id, queued_at, started_at, finished_at, rows_affected, output_bytes, attempt, exit_code,
                                       hostname, outcome, error_code, error, output)
SELECT j.id, j.executor_id, greatest(j.created_at, j.run_at), j.started_at, j.finished_at, j.rows_affected, coalesce(j.last_output_bytes, 0), j.attempt, j.exit_code,
       coalesce(e.hostname, ''), CASE j.state WHEN 'failed' THEN j.last_outcome ELSE j.state END, j.error_code, j.error, j.last_output
  FROM tagexec.tag_jobs j
  LEFT JOIN tagexec.tag_executors e ON e.id = j.executor_id
 WHERE j.state IN ('succeeded', 'failed', 'cancelled') AND j.attempt > 0 AND NOT j.attempt_is_past;
ALTER TABLE tagexec.tag_past_attempts ENABLE TRIGGER USER;
ALTER TABLE tagexec.tag_jobs DROP COLUMN attempt_is_past, DROP COLUMN last_outcome, DROP COLUMN last_output, DROP COLUMN last_output_bytes;
ALTER TABLE tagexec.tag_past_attempts DROP COLUMN biz_date, DROP COLUMN slots, DROP COLUMN tag, DROP COLUMN kind, DROP COLUMN pool, DROP COLUMN batch;
ALTER INDEX tagexec.tag_past_attempts_by_finish RENAME TO tag_job_attempts_by_finish;
ALTER TABLE tagexec.tag_past_attempts RENAME CONSTRAINT tag_past_attempts_outcome_is_known TO tag_job_attempts_outcome_is_known;
ALTER TABLE tagexec.tag_past_attempts RENAME CONSTRAINT tag_past_attempts_pkey TO tag_job_attempts_pkey;
ALTER TABLE tagexec.tag_past_attempts RENAME TO tag_job_attempts;
COMMENT ON TABLE tagexec.tag_job_attempts IS 'History: one row per ended attempt, append-only.';
