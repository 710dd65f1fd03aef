-- What a row must satisfy to be accepted, beside the CHECKs: broken_rule, and what looks
-- elsewhere (kind, pool, batch). It runs once per statement over all its rows, so that bulk inserts stay fast.
-- The limit of the payload is one of its text, because 600 bytes of jsonb can be 200 MB of
-- text and a toasted value hides its size.
-- An insert that names a batch also keeps it from being pruned, and executors are woken.
-- A producer that inserts row by row pays all of this for each row, so it is one trigger.
CREATE OR REPLACE FUNCTION tagexec.check_new_jobs() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- Inserts lock it together, so that they do not wait for each other; prune locks it
    -- alone for the moment in which it deletes batches without jobs. What is asked
    -- after it sees what prune deleted, but in a transaction with a snapshot of its
    -- start: that one fails there, to be repeated (40001), as with a foreign key.
    LOCK TABLE tagexec.insert_lock IN ROW SHARE MODE;
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        PERFORM FROM tagexec.tag_batches b WHERE b.batch IN (SELECT n.batch FROM new_rows n) FOR KEY SHARE;
    END IF;
    -- The common case ends with this one look: nothing is wrong or new.
    IF EXISTS (
        SELECT
          FROM new_rows n
         WHERE NOT EXISTS (SELECT FROM tagexec.tag_kinds k WHERE k.kind = n.kind)
            OR NOT EXISTS (SELECT FROM tagexec.tag_pools p WHERE p.pool = n.pool AND (p.slots IS NULL OR n.slots <= p.slots))
            OR NOT EXISTS (SELECT FROM tagexec.tag_batches b WHERE b.batch = n.batch) AND n.batch IS NOT NULL
            OR tagexec.broken_rule(n.tag, n.batch, n.biz_date, n.dedupe_key, n.slots, n.priority, n.timeout_seconds, n.max_attempts) IS NOT NULL
            OR octet_length(n.payload::text) > 262144)
    THEN
        PERFORM tagexec.refuse_rule(b.rule, b.job, 'a job')
           FROM (SELECT to_jsonb(n) AS job,
                        tagexec.broken_rule(n.tag, n.batch, n.biz_date, n.dedupe_key, n.slots, n.priority, n.timeout_seconds, n.max_attempts) AS rule
                   FROM new_rows n) b
          WHERE b.rule IS NOT NULL;
        PERFORM tagexec.refuse_job(n.kind, n.pool, n.slots, n.payload_bytes)
           FROM (SELECT kind, pool, max(slots) AS slots, max(octet_length(payload::text)) AS payload_bytes
                   FROM new_rows GROUP BY kind, pool) n
           LEFT JOIN tagexec.tag_kinds k ON k.kind = n.kind
           LEFT JOIN tagexec.tag_pools p ON p.pool = n.pool
          WHERE k.kind IS NULL OR p.pool IS NULL OR n.slots > p.slots OR n.payload_bytes > 262144;
        -- Ordered, so that two statements that bring the same new keys cannot deadlock.
        INSERT INTO tagexec.tag_batches (batch)
        SELECT n.batch
          FROM (SELECT DISTINCT batch FROM new_rows WHERE batch IS NOT NULL) n
         WHERE NOT EXISTS (SELECT FROM tagexec.tag_batches b WHERE b.batch = n.batch)
         ORDER BY n.batch
            ON CONFLICT DO NOTHING;
    END IF;
    IF tagexec.executors_listen() THEN
        PERFORM pg_notify('tagexec', '');
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION tagexec.check_new_jobs IS 'Internal: refuses a statement that inserts a job that breaks a rule, of unknown kind, unknown pool or more slots than its pool has; creates new batches; sends NOTIFY tagexec if an executor listens.';

-- Before version 23 these rules were CHECKs of the table. They go here, and not in a numbered
-- file, so that the transaction that takes them brings the trigger: no row slips through
-- between the two. They go first, because that takes the stronger lock.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_constraint c WHERE c.conrelid = 'tagexec.tag_jobs'::regclass AND c.conname = 'tag_jobs_tag_has_1_to_200_characters') THEN
        ALTER TABLE tagexec.tag_jobs
            DROP CONSTRAINT tag_jobs_tag_has_1_to_200_characters,
            DROP CONSTRAINT tag_jobs_batch_has_1_to_500_characters,
            DROP CONSTRAINT tag_jobs_biz_date_is_finite,
            DROP CONSTRAINT tag_jobs_dedupe_key_has_1_to_500_characters,
            DROP CONSTRAINT tag_jobs_slots_at_least_1,
            DROP CONSTRAINT tag_jobs_priority_from_0_to_9,
            DROP CONSTRAINT tag_jobs_timeout_seconds_positive,
            DROP CONSTRAINT tag_jobs_max_attempts_from_1_to_100;
    END IF;
END
$$;

CREATE OR REPLACE TRIGGER check_new_jobs AFTER INSERT ON tagexec.tag_jobs
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tagexec.check_new_jobs();
COMMENT ON TRIGGER check_new_jobs ON tagexec.tag_jobs IS 'Refuses jobs that could never run, creates new batches and wakes executors; once per statement.';
