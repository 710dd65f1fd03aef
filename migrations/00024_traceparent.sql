-- Traces: the jobs of a batch belong to the trace of who submitted it. The code changes
-- too: submit_jobs takes it in its context.

-- +goose Up
ALTER TABLE tagexec.tag_batches ADD COLUMN traceparent text
    CONSTRAINT traceparent_is_of_w3c CHECK (traceparent ~ '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$');
COMMENT ON COLUMN tagexec.tag_batches.traceparent IS 'Trace and span that the latest submission belongs to, as W3C Trace Context writes it; its attempts join that trace.';

INSERT INTO tagexec.schema_versions (version, min_compatible) VALUES (24, 18);

-- +goose Down
ALTER TABLE tagexec.tag_batches DROP COLUMN traceparent;

DELETE FROM tagexec.schema_versions WHERE version = 24;
