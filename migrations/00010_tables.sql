-- The tables: the queue, its batches, its history, and who works on it. With them
-- the type, the schema and the roles that code/ needs.
-- CONTRACT: every name here is public unless its comment calls it internal.

-- +goose Up
CREATE SCHEMA IF NOT EXISTS tagexec;
COMMENT ON SCHEMA tagexec IS 'tagexec: tag jobs waiting, running and done. Insert rows into tag_jobs; executors run them and write the results back.';
CREATE SCHEMA tagreport;
COMMENT ON SCHEMA tagreport IS 'tagexec for analysts: jobs, attempts, batches and what follows from them. Columns are added, never renamed or removed. Times are timestamptz; durations end in _seconds.';

-- goose made its own table before this file ran.
COMMENT ON TABLE  tagexec.goose_db_version IS 'Internal: migrations that goose applied.';
COMMENT ON COLUMN tagexec.goose_db_version.id         IS 'Number of the entry.';
COMMENT ON COLUMN tagexec.goose_db_version.version_id IS 'Number of the migration; 0 marks the start.';
COMMENT ON COLUMN tagexec.goose_db_version.is_applied IS 'Always true.';
COMMENT ON COLUMN tagexec.goose_db_version.tstamp     IS 'When the migration was applied.';

CREATE TABLE tagexec.schema_versions (
    version           integer     PRIMARY KEY,
    min_compatible    integer     NOT NULL,
    applied_at        timestamptz NOT NULL DEFAULT now(),
    code_hash         text,
    code_installed_at timestamptz
);
COMMENT ON TABLE  tagexec.schema_versions IS 'Internal: one row per applied migration, read by executors at their start.';
COMMENT ON COLUMN tagexec.schema_versions.version           IS 'Number of the migration.';
COMMENT ON COLUMN tagexec.schema_versions.min_compatible    IS 'Oldest schema version an executor must know to work with this schema.';
COMMENT ON COLUMN tagexec.schema_versions.applied_at        IS 'When the migration was applied.';
COMMENT ON COLUMN tagexec.schema_versions.code_hash         IS 'Hash of the functions, views and rights that were installed last for this version; null while there are none.';
COMMENT ON COLUMN tagexec.schema_versions.code_installed_at IS 'When these were installed.';

CREATE TABLE tagexec.kept_rights (
    privilege text NOT NULL,
    object    text NOT NULL,
    grantee   text NOT NULL
);
COMMENT ON TABLE  tagexec.kept_rights IS 'Internal: rights on an object that a migration dropped, until its successor is installed and gets them. Empty at all other times.';
COMMENT ON COLUMN tagexec.kept_rights.privilege IS 'What was granted, e.g. EXECUTE.';
COMMENT ON COLUMN tagexec.kept_rights.object    IS 'The successor, as GRANT takes it, e.g. FUNCTION tagexec.retry_job(bigint, text).';
COMMENT ON COLUMN tagexec.kept_rights.grantee   IS 'Role it was granted to.';

CREATE TABLE tagexec.tag_kinds (
    kind          text        COLLATE "C" PRIMARY KEY,
    description   text        NOT NULL DEFAULT '',
    registered_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT tag_kinds_kind_has_1_to_100_characters CHECK (char_length(kind) BETWEEN 1 AND 100)
);
COMMENT ON TABLE  tagexec.tag_kinds IS 'Kinds of job that exist. A job of another kind is refused at the INSERT.';
COMMENT ON COLUMN tagexec.tag_kinds.kind          IS 'Name of the kind; picks the runner.';
COMMENT ON COLUMN tagexec.tag_kinds.description   IS 'What a job of this kind does.';
COMMENT ON COLUMN tagexec.tag_kinds.registered_at IS 'When the kind was first known.';

INSERT INTO tagexec.tag_kinds (kind, description) VALUES
    ('sql',     'SQL statements in a named source, in one transaction'),
    ('command', 'an executable of the executor''s commands directory, without a shell'),
    ('http',    'an HTTP request to an allowed origin');

CREATE TABLE tagexec.tag_pools (
    pool        text    COLLATE "C" PRIMARY KEY,
    slots       integer,
    paused      boolean NOT NULL DEFAULT false,
    description text    NOT NULL DEFAULT '',
    CONSTRAINT tag_pools_pool_has_1_to_200_characters CHECK (char_length(pool) BETWEEN 1 AND 200),
    CONSTRAINT tag_pools_slots_not_negative           CHECK (slots >= 0)
);
COMMENT ON TABLE  tagexec.tag_pools IS 'Named sets of slots, held across all executors. Change slots or paused with UPDATE: it takes effect within 5 seconds everywhere.';
COMMENT ON COLUMN tagexec.tag_pools.pool        IS 'Name, as jobs give it.';
COMMENT ON COLUMN tagexec.tag_pools.slots       IS 'Slots that may be in use at the same time; null means no limit.';
COMMENT ON COLUMN tagexec.tag_pools.paused      IS 'true: nothing is started from this pool; what runs goes on.';
COMMENT ON COLUMN tagexec.tag_pools.description IS 'What the pool protects.';

INSERT INTO tagexec.tag_pools (pool, slots, description) VALUES
    ('default', NULL, 'where a job goes that names no pool; without a limit');

CREATE TABLE tagexec.tag_batches (
    batch               text        COLLATE "C" PRIMARY KEY,
    dag_id              text,
    run_id              text,
    task_id             text,
    map_index           integer,
    try_number          integer,
    logical_date        timestamptz,
    log_url             text,
    due_at              timestamptz,
    created_at          timestamptz NOT NULL DEFAULT now(),
    created_by          name        NOT NULL DEFAULT session_user,
    submit_count        integer     NOT NULL DEFAULT 0,
    cancel_requested_at timestamptz,
    cancel_reason       text,
    CONSTRAINT tag_batches_batch_has_1_to_500_characters CHECK (char_length(batch) BETWEEN 1 AND 500),
    CONSTRAINT tag_batches_logical_date_is_finite        CHECK (isfinite(logical_date)),
    CONSTRAINT tag_batches_due_at_is_finite              CHECK (isfinite(due_at))
);
COMMENT ON TABLE  tagexec.tag_batches IS 'Jobs inserted under one key, e.g. one DAG run. A new key in tag_jobs.batch creates its row here.';
COMMENT ON COLUMN tagexec.tag_batches.batch               IS 'The key, chosen by the producer.';
COMMENT ON COLUMN tagexec.tag_batches.dag_id              IS 'Airflow DAG that submitted the batch.';
COMMENT ON COLUMN tagexec.tag_batches.run_id              IS 'Airflow DAG run.';
COMMENT ON COLUMN tagexec.tag_batches.task_id             IS 'Airflow task.';
COMMENT ON COLUMN tagexec.tag_batches.map_index           IS 'Index of a mapped Airflow task; -1 when it is not mapped.';
COMMENT ON COLUMN tagexec.tag_batches.try_number          IS 'Try of the Airflow task that submitted last.';
COMMENT ON COLUMN tagexec.tag_batches.logical_date        IS 'Logical date of the DAG run.';
COMMENT ON COLUMN tagexec.tag_batches.log_url             IS 'Link to the Airflow task''s log.';
COMMENT ON COLUMN tagexec.tag_batches.due_at              IS 'When the batch ought to be finished; nothing is enforced.';
COMMENT ON COLUMN tagexec.tag_batches.created_at          IS 'When the key was first used.';
COMMENT ON COLUMN tagexec.tag_batches.created_by          IS 'Database user that used the key first.';
COMMENT ON COLUMN tagexec.tag_batches.submit_count        IS 'Calls of submit_jobs for this key; 0 when its jobs were only inserted.';
COMMENT ON COLUMN tagexec.tag_batches.cancel_requested_at IS 'When the batch was last cancelled; null again after a later submit_jobs.';
COMMENT ON COLUMN tagexec.tag_batches.cancel_reason       IS 'Reason given to cancel_batch.';

-- Keys are compared by their bytes: faster than by the rules of a language, the
-- same order on every server, and no upgrade of the operating system can break
-- the unique indexes on them.
CREATE TABLE tagexec.tag_jobs (
    id                  bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at          timestamptz NOT NULL DEFAULT now(),
    run_at              timestamptz NOT NULL DEFAULT now(),
    started_at          timestamptz,
    finished_at         timestamptz,
    deadline_at         timestamptz,
    cancel_requested_at timestamptz,
    rows_affected       bigint,
    executor_id         uuid,
    biz_date            date,
    slots               integer     NOT NULL DEFAULT 1,
    timeout_seconds     integer,
    attempt             integer     NOT NULL DEFAULT 0,
    failures            integer     NOT NULL DEFAULT 0,
    exit_code           integer,
    priority            smallint    NOT NULL DEFAULT 5,
    max_attempts        smallint    NOT NULL DEFAULT 3,
    crashes             smallint    NOT NULL DEFAULT 0,
    state               text        NOT NULL DEFAULT 'pending',
    tag                 text        NOT NULL,
    kind                text        COLLATE "C" NOT NULL DEFAULT 'sql',
    pool                text        COLLATE "C" NOT NULL DEFAULT 'default',
    batch               text        COLLATE "C",
    dedupe_key          text        COLLATE "C",
    mutex_key           text        COLLATE "C",
    payload             jsonb       NOT NULL DEFAULT '{}',
    result              jsonb,
    error_code          text,
    error               text,
    retry_request       jsonb,
    created_by          name        NOT NULL DEFAULT session_user,
    CONSTRAINT tag_jobs_tag_has_1_to_200_characters        CHECK (char_length(tag) BETWEEN 1 AND 200),
    CONSTRAINT tag_jobs_payload_is_an_object               CHECK (jsonb_typeof(payload) = 'object'),
    CONSTRAINT tag_jobs_batch_has_1_to_500_characters      CHECK (char_length(batch) BETWEEN 1 AND 500),
    CONSTRAINT tag_jobs_dedupe_key_has_1_to_500_characters CHECK (char_length(dedupe_key) BETWEEN 1 AND 500),
    CONSTRAINT tag_jobs_mutex_key_has_1_to_500_characters  CHECK (char_length(mutex_key) BETWEEN 1 AND 500),
    CONSTRAINT tag_jobs_slots_at_least_1                   CHECK (slots >= 1),
    CONSTRAINT tag_jobs_priority_from_0_to_9               CHECK (priority BETWEEN 0 AND 9),
    CONSTRAINT tag_jobs_run_at_is_finite                   CHECK (isfinite(run_at)),
    CONSTRAINT tag_jobs_biz_date_is_finite                 CHECK (isfinite(biz_date)),
    CONSTRAINT tag_jobs_timeout_seconds_positive           CHECK (timeout_seconds > 0),
    CONSTRAINT tag_jobs_max_attempts_from_1_to_100         CHECK (max_attempts BETWEEN 1 AND 100),
    CONSTRAINT tag_jobs_state_is_known                     CHECK (state IN ('pending', 'running', 'succeeded', 'failed', 'cancelled')),
    CONSTRAINT tag_jobs_running_names_its_executor         CHECK (state <> 'running' OR (executor_id IS NOT NULL AND started_at IS NOT NULL AND deadline_at IS NOT NULL AND finished_at IS NULL AND attempt > 0)),
    CONSTRAINT tag_jobs_final_has_finished_at              CHECK (state NOT IN ('succeeded', 'failed', 'cancelled') OR finished_at IS NOT NULL),
    CONSTRAINT tag_jobs_result_has_at_most_1_mb            CHECK (octet_length(result::text) <= 1048576),
    CONSTRAINT tag_jobs_retry_request_needs_a_cancel       CHECK (retry_request IS NULL OR cancel_requested_at IS NOT NULL)
) WITH (
    -- Half a page is left for the claim and the record to write on: a new row version
    -- on the same page is logged as a difference (measured: 1.9 kB of WAL a job
    -- against 2.5 kB at 100), and after both the table is no larger.
    fillfactor = 50,
    -- A queue's dead rows come fast and in one place: vacuum by count, not by share
    -- of a table that mostly holds history, and never truncate (it takes a lock).
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_analyze_scale_factor = 0.02, autovacuum_analyze_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0, vacuum_truncate = false, toast.vacuum_truncate = false
);
COMMENT ON TABLE  tagexec.tag_jobs IS 'The queue and the audit log: one row per job, with its current state. INSERT (tag, payload) is enough to run a job.';
COMMENT ON COLUMN tagexec.tag_jobs.id                  IS 'Number of the job.';
COMMENT ON COLUMN tagexec.tag_jobs.created_at          IS 'When the row was inserted (start of the inserting transaction).';
COMMENT ON COLUMN tagexec.tag_jobs.run_at              IS 'Not started before this time.';
COMMENT ON COLUMN tagexec.tag_jobs.started_at          IS 'When the present or last attempt was claimed.';
COMMENT ON COLUMN tagexec.tag_jobs.finished_at         IS 'When the last attempt ended; null while one runs.';
COMMENT ON COLUMN tagexec.tag_jobs.deadline_at         IS 'When the time of the present or last attempt is over.';
COMMENT ON COLUMN tagexec.tag_jobs.cancel_requested_at IS 'When a running job was asked to stop.';
COMMENT ON COLUMN tagexec.tag_jobs.rows_affected       IS 'Rows a SQL job changed.';
COMMENT ON COLUMN tagexec.tag_jobs.executor_id         IS 'Executor that runs the job or ran it last (tag_executors.id).';
COMMENT ON COLUMN tagexec.tag_jobs.biz_date            IS 'Business date the tag is computed for, Airflow''s {{ ds }}.';
COMMENT ON COLUMN tagexec.tag_jobs.slots               IS 'Slots of its pool that the job holds while it runs.';
COMMENT ON COLUMN tagexec.tag_jobs.timeout_seconds     IS 'Limit of one attempt in seconds; null takes the executor''s default.';
COMMENT ON COLUMN tagexec.tag_jobs.attempt             IS 'Claims so far; only grows. With executor_id it fences every write.';
COMMENT ON COLUMN tagexec.tag_jobs.failures            IS 'Attempts that counted against max_attempts: failed, timed out, lost.';
COMMENT ON COLUMN tagexec.tag_jobs.exit_code           IS 'Exit code of a command, status of an HTTP response.';
COMMENT ON COLUMN tagexec.tag_jobs.priority            IS '0 to 9, higher first; within a priority by run_at, then id.';
COMMENT ON COLUMN tagexec.tag_jobs.max_attempts        IS 'The job is failed when failures reach this number.';
COMMENT ON COLUMN tagexec.tag_jobs.crashes             IS 'Internal: executors that died while they ran this job.';
COMMENT ON COLUMN tagexec.tag_jobs.state               IS 'pending, running, succeeded, failed or cancelled.';
COMMENT ON COLUMN tagexec.tag_jobs.tag                 IS 'What is computed, e.g. high_value; a label, never interpreted.';
COMMENT ON COLUMN tagexec.tag_jobs.kind                IS 'Picks the runner: sql, command, http or a registered kind.';
COMMENT ON COLUMN tagexec.tag_jobs.pool                IS 'Pool whose slots the job takes (tag_pools.pool).';
COMMENT ON COLUMN tagexec.tag_jobs.batch               IS 'Batch key (tag_batches.batch).';
COMMENT ON COLUMN tagexec.tag_jobs.dedupe_key          IS 'Unique where set: insert with ON CONFLICT (dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING to make a repeat harmless.';
COMMENT ON COLUMN tagexec.tag_jobs.mutex_key           IS 'Of all jobs with this key at most one runs at a time.';
COMMENT ON COLUMN tagexec.tag_jobs.payload             IS 'Input of the runner, a JSON object.';
COMMENT ON COLUMN tagexec.tag_jobs.result              IS 'What the runner returned.';
COMMENT ON COLUMN tagexec.tag_jobs.error_code          IS 'SQLSTATE or a word, e.g. exit_status, timeout, panic, lost.';
COMMENT ON COLUMN tagexec.tag_jobs.error               IS 'What went wrong, in one sentence.';
COMMENT ON COLUMN tagexec.tag_jobs.retry_request       IS 'Internal: a retry asked for while a cancel is in flight; the columns the job takes when it is pending again.';
COMMENT ON COLUMN tagexec.tag_jobs.created_by          IS 'Database user that inserted the row.';

CREATE TABLE tagexec.tag_job_attempts (
    job_id        bigint      NOT NULL,
    executor_id   uuid        NOT NULL,
    queued_at     timestamptz NOT NULL,
    started_at    timestamptz NOT NULL,
    finished_at   timestamptz NOT NULL,
    rows_affected bigint,
    output_bytes  bigint      NOT NULL DEFAULT 0,
    attempt       integer     NOT NULL,
    exit_code     integer,
    hostname      text        NOT NULL,
    outcome       text        NOT NULL,
    error_code    text,
    error         text,
    output        text,
    CONSTRAINT tag_job_attempts_pkey             PRIMARY KEY (job_id, attempt),
    CONSTRAINT tag_job_attempts_outcome_is_known CHECK (outcome IN ('succeeded', 'failed', 'timed_out', 'cancelled', 'interrupted', 'lost'))
);
COMMENT ON TABLE  tagexec.tag_job_attempts IS 'History: one row per ended attempt, append-only.';
COMMENT ON COLUMN tagexec.tag_job_attempts.job_id        IS 'Job (tag_jobs.id).';
COMMENT ON COLUMN tagexec.tag_job_attempts.executor_id   IS 'Executor that ran the attempt (tag_executors.id).';
COMMENT ON COLUMN tagexec.tag_job_attempts.queued_at     IS 'When the job was due: the later of created_at and run_at.';
COMMENT ON COLUMN tagexec.tag_job_attempts.started_at    IS 'When the attempt was claimed.';
COMMENT ON COLUMN tagexec.tag_job_attempts.finished_at   IS 'When its result was stored.';
COMMENT ON COLUMN tagexec.tag_job_attempts.rows_affected IS 'Rows a SQL job changed.';
COMMENT ON COLUMN tagexec.tag_job_attempts.output_bytes  IS 'True length of the output in bytes.';
COMMENT ON COLUMN tagexec.tag_job_attempts.attempt       IS 'Number of the attempt, as tag_jobs.attempt was while it ran.';
COMMENT ON COLUMN tagexec.tag_job_attempts.exit_code     IS 'Exit code of a command, status of an HTTP response.';
COMMENT ON COLUMN tagexec.tag_job_attempts.hostname      IS 'Host of the executor.';
COMMENT ON COLUMN tagexec.tag_job_attempts.outcome       IS 'succeeded, failed, timed_out, cancelled, interrupted (executor stopped; not counted) or lost (executor died).';
COMMENT ON COLUMN tagexec.tag_job_attempts.error_code    IS 'SQLSTATE or a word.';
COMMENT ON COLUMN tagexec.tag_job_attempts.error         IS 'What went wrong, in one sentence.';
COMMENT ON COLUMN tagexec.tag_job_attempts.output        IS 'Head and tail of what was printed or answered; valid UTF-8, marked where it was cut.';

CREATE TABLE tagexec.tag_executors (
    id            uuid             PRIMARY KEY,
    hostname      text             NOT NULL,
    pid           integer          NOT NULL,
    version       text             NOT NULL,
    workers       integer          NOT NULL,
    kinds         text[]           NOT NULL,
    pools         text[],
    lease_seconds double precision NOT NULL,
    started_at    timestamptz      NOT NULL DEFAULT now(),
    heartbeat_at  timestamptz      NOT NULL DEFAULT now(),
    stopped_at    timestamptz,
    reaped_at     timestamptz,
    batch         text             COLLATE "C",
    CONSTRAINT tag_executors_lease_seconds_positive CHECK (lease_seconds > 0)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
COMMENT ON TABLE  tagexec.tag_executors IS 'Running and past executor processes; a new id at each start. The lease of all jobs an executor runs is its row here.';
COMMENT ON COLUMN tagexec.tag_executors.id            IS 'Random id of this start of the process.';
COMMENT ON COLUMN tagexec.tag_executors.hostname      IS 'Host it runs on.';
COMMENT ON COLUMN tagexec.tag_executors.pid           IS 'Process id on that host.';
COMMENT ON COLUMN tagexec.tag_executors.version       IS 'Version of tagexec.';
COMMENT ON COLUMN tagexec.tag_executors.workers       IS 'Jobs it runs at the same time.';
COMMENT ON COLUMN tagexec.tag_executors.kinds         IS 'Kinds of job it runs.';
COMMENT ON COLUMN tagexec.tag_executors.pools         IS 'Pools it takes jobs from; null means all.';
COMMENT ON COLUMN tagexec.tag_executors.lease_seconds IS 'Seconds without a heartbeat after which its jobs are offered to others.';
COMMENT ON COLUMN tagexec.tag_executors.started_at    IS 'When it registered.';
COMMENT ON COLUMN tagexec.tag_executors.heartbeat_at  IS 'Its last sign of life.';
COMMENT ON COLUMN tagexec.tag_executors.stopped_at    IS 'When it ended by itself, having handed back its jobs.';
COMMENT ON COLUMN tagexec.tag_executors.reaped_at     IS 'When another executor found its lease over and took its jobs away.';
COMMENT ON COLUMN tagexec.tag_executors.batch         IS 'Batch whose jobs alone it runs; null means all.';

CREATE TABLE tagexec.tag_operator_actions (
    id      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT now(),
    by      name        NOT NULL DEFAULT session_user,
    ui_user text,
    action  text        NOT NULL,
    job_id  bigint,
    batch   text,
    pool    text,
    reason  text,
    before  jsonb,
    after   jsonb
);
COMMENT ON TABLE  tagexec.tag_operator_actions IS 'Who cancelled, retried or changed what; append-only.';
COMMENT ON COLUMN tagexec.tag_operator_actions.id      IS 'Number of the action.';
COMMENT ON COLUMN tagexec.tag_operator_actions.at      IS 'When it was done.';
COMMENT ON COLUMN tagexec.tag_operator_actions.by      IS 'Database user that did it.';
COMMENT ON COLUMN tagexec.tag_operator_actions.ui_user IS 'User of the web page, if it was done there.';
COMMENT ON COLUMN tagexec.tag_operator_actions.action  IS 'What was done, e.g. cancel_batch.';
COMMENT ON COLUMN tagexec.tag_operator_actions.job_id  IS 'Job it was done to.';
COMMENT ON COLUMN tagexec.tag_operator_actions.batch   IS 'Batch it was done to.';
COMMENT ON COLUMN tagexec.tag_operator_actions.pool    IS 'Pool it was done to.';
COMMENT ON COLUMN tagexec.tag_operator_actions.reason  IS 'Reason given.';
COMMENT ON COLUMN tagexec.tag_operator_actions.before  IS 'State before.';
COMMENT ON COLUMN tagexec.tag_operator_actions.after   IS 'State after.';

-- Few indexes: no update of tag_jobs is HOT (each changes a predicate), so every
-- full index costs a job three writes. A partial one costs one write while its
-- predicate holds.
CREATE INDEX tag_jobs_lanes ON tagexec.tag_jobs (pool, priority DESC, run_at, id)
    WHERE state = 'pending' AND mutex_key IS NULL;
COMMENT ON INDEX tagexec.tag_jobs_lanes IS 'Claim: pending jobs without a mutex key, by lane (pool, priority).';
CREATE INDEX tag_jobs_keyed_lanes ON tagexec.tag_jobs (pool, mutex_key, priority DESC, run_at, id)
    WHERE state = 'pending' AND mutex_key IS NOT NULL;
COMMENT ON INDEX tagexec.tag_jobs_keyed_lanes IS 'Claim: pending jobs with a mutex key, the head of each key.';
CREATE INDEX tag_jobs_running_by_executor ON tagexec.tag_jobs (executor_id, started_at)
    WHERE state = 'running';
COMMENT ON INDEX tagexec.tag_jobs_running_by_executor IS 'Heartbeat and reap: what an executor runs.';
CREATE INDEX tag_jobs_running_by_pool ON tagexec.tag_jobs (pool, started_at) INCLUDE (slots)
    WHERE state = 'running';
COMMENT ON INDEX tagexec.tag_jobs_running_by_pool IS 'Claim: slots in use, counted from what runs.';
-- Too few rows run when statistics are taken for the planner to believe that any
-- do; it then takes an index of all that runs to look for one key. The predicate
-- state || '' only this index and its probes have.
CREATE UNIQUE INDEX tag_jobs_one_running_per_mutex_key ON tagexec.tag_jobs (mutex_key)
    WHERE state || '' = 'running' AND mutex_key IS NOT NULL;
COMMENT ON INDEX tagexec.tag_jobs_one_running_per_mutex_key IS 'The guarantee that a mutex key runs once at a time.';
CREATE UNIQUE INDEX tag_jobs_dedupe_key_is_unique ON tagexec.tag_jobs (dedupe_key)
    WHERE dedupe_key IS NOT NULL;
COMMENT ON INDEX tagexec.tag_jobs_dedupe_key_is_unique IS 'A repeated submission finds its job.';
CREATE INDEX tag_jobs_by_batch ON tagexec.tag_jobs (batch, state)
    WHERE batch IS NOT NULL;
COMMENT ON INDEX tagexec.tag_jobs_by_batch IS 'State of a batch.';
CREATE INDEX tag_jobs_suspects ON tagexec.tag_jobs (run_at)
    WHERE state = 'pending' AND crashes >= 2;
COMMENT ON INDEX tagexec.tag_jobs_suspects IS 'Claim: jobs that took down executors; nearly always empty.';
CREATE INDEX tag_jobs_by_creation ON tagexec.tag_jobs USING brin (created_at);
COMMENT ON INDEX tagexec.tag_jobs_by_creation IS 'Prune and analysts: jobs by age. created_at never changes, so no update writes to it.';
-- A range of pages is summarized once it is full and not at the next vacuum: until
-- then every question about a time reads it.
CREATE INDEX tag_job_attempts_by_finish ON tagexec.tag_job_attempts USING brin (finished_at) WITH (autosummarize = on);
COMMENT ON INDEX tagexec.tag_job_attempts_by_finish IS 'Analysts and prune: attempts by time.';
CREATE INDEX tag_executors_alive ON tagexec.tag_executors (id)
    WHERE stopped_at IS NULL AND reaped_at IS NULL;
COMMENT ON INDEX tagexec.tag_executors_alive IS 'Reap and cover of kinds: executors that are not known to have ended.';

CREATE TYPE tagexec.submitted_job AS (
    n bigint, tag text, kind text, payload jsonb, biz_date date, dedupe_key text, pool text, slots integer, priority smallint,
    mutex_key text, run_at timestamptz, timeout_seconds integer, max_attempts smallint);
COMMENT ON TYPE tagexec.submitted_job IS 'Internal: a job of a submission, with its number there.';

-- Who may do what: group roles without login, to be granted to real users.
-- Roles belong to the whole server, so they may exist already, and a migrating
-- user may not be permitted to make them; then a notice says so and the grants
-- are left to an administrator.
-- +goose StatementBegin
DO $$
DECLARE
    r text;
BEGIN
    FOREACH r IN ARRAY '{tagexec_producer,tagexec_executor,tagexec_operator,tagexec_analyst}'::text[] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = r) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION', r);
            END IF;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL; -- made by another database's migration just now
            WHEN insufficient_privilege THEN
                RAISE NOTICE 'role % was not created: % may not. An administrator can CREATE ROLE % NOLOGIN; then the owner calls tagexec.grant_roles().', r, current_user, r;
        END;
    END LOOP;
END
$$;
-- +goose StatementEnd

INSERT INTO tagexec.schema_versions (version, min_compatible) VALUES (10, 10);

-- +goose Down
DROP TYPE tagexec.submitted_job;
DROP TABLE tagexec.tag_operator_actions;
DROP TABLE tagexec.tag_executors;
DROP TABLE tagexec.tag_job_attempts;
DROP TABLE tagexec.tag_jobs;
DROP TABLE tagexec.tag_batches;
DROP TABLE tagexec.tag_pools;
DROP TABLE tagexec.tag_kinds;
DROP TABLE tagexec.kept_rights;
DROP TABLE tagexec.schema_versions;
DROP SCHEMA tagreport;
-- +goose StatementBegin
DO $$
DECLARE
    r text;
BEGIN
    FOREACH r IN ARRAY '{tagexec_producer,tagexec_executor,tagexec_operator,tagexec_analyst}'::text[] LOOP
        CONTINUE WHEN NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = r);
        -- Only what was granted here: an administrator may have granted it more elsewhere.
        EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA tagexec FROM %I', r);
        EXECUTE format('REVOKE ALL ON ALL FUNCTIONS IN SCHEMA tagexec FROM %I', r);
        EXECUTE format('REVOKE ALL ON SCHEMA tagexec FROM %I', r);
        BEGIN
            EXECUTE format('DROP ROLE %I', r);
        EXCEPTION
            WHEN dependent_objects_still_exist OR insufficient_privilege THEN
                RAISE NOTICE 'role % stays: another database uses it, or % may not drop it', r, current_user;
        END;
    END LOOP;
END
$$;
-- +goose StatementEnd
