-- Jobs whose row cannot be written, so that no other job has to wait for them.

-- +goose Up
CREATE TABLE tagexec.tag_unwritable_jobs (
    job_id      bigint      PRIMARY KEY,
    since       timestamptz NOT NULL DEFAULT now(),
    tried_at    timestamptz NOT NULL DEFAULT now(),
    error_code  text        NOT NULL,
    error       text        NOT NULL,
    reported_by name        NOT NULL DEFAULT session_user
);
COMMENT ON TABLE  tagexec.tag_unwritable_jobs IS 'Jobs whose row Postgres refuses to change, because it is damaged or breaks a rule that came after it. They are not claimed while they are here. Each is tried again every minute, and leaves when its row can be written or is gone. Nearly always empty.';
COMMENT ON COLUMN tagexec.tag_unwritable_jobs.job_id      IS 'Job (tag_jobs.id).';
COMMENT ON COLUMN tagexec.tag_unwritable_jobs.since       IS 'When that was found out.';
COMMENT ON COLUMN tagexec.tag_unwritable_jobs.tried_at    IS 'When it was tried last.';
COMMENT ON COLUMN tagexec.tag_unwritable_jobs.error_code  IS 'SQLSTATE of the refusal.';
COMMENT ON COLUMN tagexec.tag_unwritable_jobs.error       IS 'What Postgres said.';
COMMENT ON COLUMN tagexec.tag_unwritable_jobs.reported_by IS 'Database user that found it out.';

INSERT INTO tagexec.schema_versions (version, min_compatible) VALUES (12, 10);

-- +goose Down
DROP TABLE tagexec.tag_unwritable_jobs;
DELETE FROM tagexec.schema_versions WHERE version = 12;
