-- What claims and submissions lock. Any login can take an advisory lock, and hold it;
-- the row of a table only who may update it. A lock is the row whose slot is the hash
-- of a name. Two names may share one: then they wait for each other for a moment.

-- +goose Up
CREATE TABLE tagexec.pool_locks (
    slot integer PRIMARY KEY,
    held boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE  tagexec.pool_locks IS 'Internal: rows that claims of limited pools lock, so that the count of used slots and the claim are one.';
COMMENT ON COLUMN tagexec.pool_locks.slot IS 'Hash of the pool.';
COMMENT ON COLUMN tagexec.pool_locks.held IS 'Never read or written: the right to update it is the right to lock.';
INSERT INTO tagexec.pool_locks (slot) SELECT generate_series(0, 4095);

CREATE TABLE tagexec.mutex_locks (
    slot integer PRIMARY KEY,
    held boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE  tagexec.mutex_locks IS 'Internal: rows that claims of jobs with a mutex key lock, so that no two wait for each other in the unique index of running keys.';
COMMENT ON COLUMN tagexec.mutex_locks.slot IS 'Hash of the mutex key.';
COMMENT ON COLUMN tagexec.mutex_locks.held IS 'Never read or written: the right to update it is the right to lock.';
INSERT INTO tagexec.mutex_locks (slot) SELECT generate_series(0, 16383);

CREATE TABLE tagexec.batch_locks (
    slot integer PRIMARY KEY,
    held boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE  tagexec.batch_locks IS 'Internal: rows that submit_jobs, cancels and retries lock, so that one of them at a time changes a batch.';
COMMENT ON COLUMN tagexec.batch_locks.slot IS 'Hash of the batch.';
COMMENT ON COLUMN tagexec.batch_locks.held IS 'Never read or written.';
INSERT INTO tagexec.batch_locks (slot) SELECT generate_series(0, 4095);

CREATE TABLE tagexec.insert_lock ();
COMMENT ON TABLE tagexec.insert_lock IS 'Internal: a table without rows. Inserts of jobs lock it together, prune of batches alone.';

-- Executors that know only advisory locks would claim from a limited pool beside
-- those that lock its row.
INSERT INTO tagexec.schema_versions (version, min_compatible) VALUES (14, 14);

-- +goose Down
DELETE FROM tagexec.schema_versions WHERE version = 14;
DROP TABLE tagexec.insert_lock;
DROP TABLE tagexec.batch_locks;
DROP TABLE tagexec.mutex_locks;
DROP TABLE tagexec.pool_locks;
