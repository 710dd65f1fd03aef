-- SQL jobs run on engines of other kinds too, where an attempt is found by a name of its
-- own. Others may share a login there: a random name of the queue tells whose a statement is.

-- +goose Up
CREATE TABLE tagexec.queue_name (
    name text NOT NULL DEFAULT substr(replace(gen_random_uuid()::text, '-', ''), 1, 12)
        CONSTRAINT queue_name_is_short_and_plain CHECK (name ~ '^[0-9a-z]{12}$')
);
CREATE UNIQUE INDEX queue_name_is_one ON tagexec.queue_name ((true));
COMMENT ON TABLE  tagexec.queue_name IS 'Internal: one row. The queue''s random name, with which its executors mark their statements in the engines.';
COMMENT ON COLUMN tagexec.queue_name.name IS 'Twelve hexadecimal digits, made by the migration.';
COMMENT ON INDEX  tagexec.queue_name_is_one IS 'A queue has one name.';
INSERT INTO tagexec.queue_name DEFAULT VALUES;

ALTER TABLE tagexec.tag_past_attempts ADD COLUMN query_id text;
ALTER TABLE tagexec.tag_jobs ADD COLUMN last_query_id text;
COMMENT ON COLUMN tagexec.tag_past_attempts.query_id IS 'By what the engine''s own lists and logs name the statement of the attempt that ran last; null if it has no name for it, or none ran.';
COMMENT ON COLUMN tagexec.tag_jobs.last_query_id     IS 'Internal: the query_id of the attempt that a final job shows. Read tag_job_attempts.';

INSERT INTO tagexec.schema_versions (version, min_compatible) VALUES (26, 18);

-- +goose Down
ALTER TABLE tagexec.tag_jobs DROP COLUMN last_query_id;
ALTER TABLE tagexec.tag_past_attempts DROP COLUMN query_id;
DROP TABLE tagexec.queue_name;

DELETE FROM tagexec.schema_versions WHERE version = 26;
