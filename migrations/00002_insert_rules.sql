-- What a row must satisfy to be accepted. Rules about one row alone are CHECKs of
-- the table; rules that look elsewhere (kind, pool, batch) run here, once per
-- statement over all its rows, so that bulk inserts stay fast. So does the limit
-- of the payload: it is one of its text, because 600 bytes of jsonb can be 200 MB
-- of text and a toasted value hides its size; as a CHECK every claim and every
-- record would pay for it again.

-- +goose Up
-- +goose StatementBegin
CREATE FUNCTION tagexec.refuse_job(kind text, pool text, slots integer, payload_bytes integer, who text DEFAULT '') RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    limit_of_pool integer;
BEGIN
    IF NOT EXISTS (SELECT FROM tagexec.tag_kinds k WHERE k.kind = refuse_job.kind) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'foreign_key_violation', SCHEMA = 'tagexec', TABLE = 'tag_jobs', COLUMN = 'kind',
            CONSTRAINT = 'tag_jobs_kind_is_registered',
            MESSAGE = who || format('unknown kind "%s"; known kinds: %s', kind,
                             (SELECT string_agg(k.kind, ', ' ORDER BY k.kind) FROM tagexec.tag_kinds k)),
            HINT = 'An executor registers the kinds it runs when it starts.';
    END IF;
    SELECT p.slots INTO limit_of_pool FROM tagexec.tag_pools p WHERE p.pool = refuse_job.pool;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING
            ERRCODE = 'foreign_key_violation', SCHEMA = 'tagexec', TABLE = 'tag_jobs', COLUMN = 'pool',
            CONSTRAINT = 'tag_jobs_pool_exists',
            MESSAGE = who || format('unknown pool "%s"; existing pools: %s', pool,
                             (SELECT string_agg(p.pool, ', ' ORDER BY p.pool)
                                FROM (SELECT q.pool FROM tagexec.tag_pools q ORDER BY q.pool LIMIT 20) p)),
            HINT = 'Create it with INSERT INTO tagexec.tag_pools (pool, slots) VALUES (…).';
    END IF;
    IF payload_bytes > 262144 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation', SCHEMA = 'tagexec', TABLE = 'tag_jobs', COLUMN = 'payload',
            CONSTRAINT = 'tag_jobs_payload_has_at_most_256_kb',
            MESSAGE = who || format('a payload of %s bytes is too large: it may have at most 262144 (256 kB)', payload_bytes),
            HINT = 'Store the data elsewhere and name the place in the payload.';
    END IF;
    RAISE EXCEPTION USING
        ERRCODE = 'check_violation', SCHEMA = 'tagexec', TABLE = 'tag_jobs', COLUMN = 'slots',
        CONSTRAINT = 'tag_jobs_slots_fit_the_pool',
        MESSAGE = who || format('a job of %s slots never fits pool "%s", which has %s', slots, pool, limit_of_pool),
        HINT = 'Ask for fewer slots or enlarge the pool.';
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION tagexec.refuse_job IS 'Internal: raises the error that tells why no executor could ever run such a job; who begins the message.';

-- +goose StatementBegin
CREATE FUNCTION tagexec.check_new_jobs() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
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
    RETURN NULL;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION tagexec.check_new_jobs IS 'Internal: refuses a statement that inserts a job of unknown kind, unknown pool or more slots than its pool has; creates new batches.';

CREATE TRIGGER check_new_jobs AFTER INSERT ON tagexec.tag_jobs
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tagexec.check_new_jobs();
COMMENT ON TRIGGER check_new_jobs ON tagexec.tag_jobs IS 'Refuses jobs that could never run, and creates new batches; once per statement.';

-- +goose StatementBegin
CREATE FUNCTION tagexec.keep_used_pool() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.pool = OLD.pool THEN
        RETURN NEW;
    END IF;
    IF OLD.pool = 'default' THEN
        RAISE EXCEPTION USING ERRCODE = 'restrict_violation',
            MESSAGE = 'pool "default" stays: jobs that name no pool go there';
    END IF;
    FOR look IN 1..2 LOOP
        IF EXISTS (SELECT FROM tagexec.tag_jobs j WHERE j.pool = OLD.pool AND j.state = 'pending' AND j.mutex_key IS NULL)
        OR EXISTS (SELECT FROM tagexec.tag_jobs j WHERE j.pool = OLD.pool AND j.state = 'pending' AND j.mutex_key IS NOT NULL)
        OR EXISTS (SELECT FROM tagexec.tag_jobs j WHERE j.state = 'running' AND OLD.pool IN (j.pool, j.retry_request ->> 'pool')) THEN
            RAISE EXCEPTION USING ERRCODE = 'restrict_violation',
                MESSAGE = format('pool "%s" still has unfinished jobs', OLD.pool),
                HINT = 'Pause it instead: UPDATE tagexec.tag_pools SET paused = true.';
        END IF;
        -- The second look comes when no insert is under way that the first could not see.
        LOCK TABLE tagexec.tag_jobs IN SHARE MODE;
    END LOOP;
    RETURN coalesce(NEW, OLD);
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION tagexec.keep_used_pool IS 'Internal: refuses to delete or rename a pool that unfinished jobs name; they would wait for ever.';

CREATE TRIGGER keep_used_pool BEFORE DELETE OR UPDATE OF pool ON tagexec.tag_pools
    FOR EACH ROW EXECUTE FUNCTION tagexec.keep_used_pool();
COMMENT ON TRIGGER keep_used_pool ON tagexec.tag_pools IS 'A pool with unfinished jobs is neither deleted nor renamed.';

INSERT INTO tagexec.schema_versions (version, min_compatible) VALUES (2, 1);

-- +goose Down
DELETE FROM tagexec.schema_versions WHERE version = 2;
DROP TRIGGER keep_used_pool ON tagexec.tag_pools;
DROP FUNCTION tagexec.keep_used_pool;
DROP TRIGGER check_new_jobs ON tagexec.tag_jobs;
DROP FUNCTION tagexec.check_new_jobs;
DROP FUNCTION tagexec.refuse_job;
