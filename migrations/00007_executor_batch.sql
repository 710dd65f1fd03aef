-- An executor of one batch runs no other job: nothing waits for it elsewhere.

-- +goose Up
ALTER TABLE tagexec.tag_executors ADD COLUMN batch text COLLATE "C";
COMMENT ON COLUMN tagexec.tag_executors.batch IS 'Batch whose jobs alone it runs; null means all.';

INSERT INTO tagexec.schema_versions (version, min_compatible) VALUES (7, 1);

-- +goose Down
DELETE FROM tagexec.schema_versions WHERE version = 7;
ALTER TABLE tagexec.tag_executors DROP COLUMN batch;
