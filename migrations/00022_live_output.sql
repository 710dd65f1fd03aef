-- What running attempts print, for as long as somebody watches.

-- +goose Up
CREATE TABLE tagexec.tag_output_watches (
    job_id bigint      PRIMARY KEY,
    until  timestamptz NOT NULL
);
COMMENT ON TABLE  tagexec.tag_output_watches IS 'Jobs whose output somebody watches while they run; see watch_output.';
COMMENT ON COLUMN tagexec.tag_output_watches.job_id IS 'Job (tag_jobs.id).';
COMMENT ON COLUMN tagexec.tag_output_watches.until  IS 'When the watch is over, unless it is renewed.';
CREATE INDEX tag_output_watches_by_end ON tagexec.tag_output_watches (until);
COMMENT ON INDEX tagexec.tag_output_watches_by_end IS 'Executors: the watches that are not over.';

-- Unlogged: it costs no WAL, and after a crash nobody misses it, because the output is
-- recorded when the attempt ends.
CREATE UNLOGGED TABLE tagexec.tag_live_output (
    job_id       bigint  NOT NULL,
    attempt      integer NOT NULL,
    executor_id  uuid    NOT NULL,
    from_byte    bigint  NOT NULL,
    chunk        text    NOT NULL,
    output_bytes bigint  NOT NULL,
    PRIMARY KEY (job_id, attempt, executor_id, from_byte),
    CONSTRAINT tag_live_output_holds_at_most_1_mb_of_an_attempt CHECK (from_byte >= 0 AND from_byte + octet_length(chunk) <= 1048576)
);
COMMENT ON TABLE  tagexec.tag_live_output IS 'What watched attempts have printed so far. Empty after a crash and after a failover, and not to be read on a replica.';
COMMENT ON COLUMN tagexec.tag_live_output.job_id       IS 'Job (tag_jobs.id).';
COMMENT ON COLUMN tagexec.tag_live_output.attempt      IS 'Number of the attempt.';
COMMENT ON COLUMN tagexec.tag_live_output.executor_id  IS 'Executor that runs it.';
COMMENT ON COLUMN tagexec.tag_live_output.from_byte    IS 'Where the chunk begins, in bytes of the chunks together.';
COMMENT ON COLUMN tagexec.tag_live_output.chunk        IS 'Text, at most 32 kB; cleaned as recorded output is.';
COMMENT ON COLUMN tagexec.tag_live_output.output_bytes IS 'How many bytes the attempt had printed where the chunk ends, as tag_job_attempts.output_bytes counts them.';

INSERT INTO tagexec.schema_versions (version, min_compatible) VALUES (22, 18);

-- +goose Down
DELETE FROM tagexec.schema_versions WHERE version = 22;
DROP TABLE tagexec.tag_live_output;
DROP TABLE tagexec.tag_output_watches;
