CREATE OR REPLACE FUNCTION tagexec.refuse_job(kind text, pool text, slots integer, payload_bytes integer, who text DEFAULT '') RETURNS void
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
            HINT = 'Create it with INSERT INTO tagexec.tag_pools (pool, slots) VALUES (''name'', 8).';
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
        MESSAGE = who || format('a job of %s never fits pool "%s", which has %s', tagexec.plural(slots, 'slot'), pool, limit_of_pool),
        HINT = 'Ask for fewer slots or enlarge the pool.';
END
$$;
COMMENT ON FUNCTION tagexec.refuse_job IS 'Internal: raises the error that tells why no executor could ever run such a job; who begins the message.';
