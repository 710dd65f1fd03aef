-- Who may do what: group roles without login, to be granted to real users.
-- Roles belong to the whole server, so they may exist already, and a migrating
-- user may not be permitted to make them; then a notice says so and the grants
-- are left to an administrator.

-- +goose Up
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

-- +goose StatementBegin
CREATE FUNCTION tagexec.grant_roles() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    producer_columns CONSTANT text := 'tag, kind, payload, batch, biz_date, dedupe_key, pool, slots, priority, mutex_key, run_at, timeout_seconds, max_attempts';
    executor_columns CONSTANT text := 'state, attempt, failures, crashes, executor_id, started_at, finished_at, deadline_at, run_at, rows_affected, exit_code, result, error_code, error';
    batch_functions  CONSTANT text := 'tagexec.submit_jobs(text, jsonb, jsonb, text), tagexec.batch_settled(text, boolean), tagexec.assert_batch_ok(text), tagexec.cancel_batch(text, text)';
    command text;
    role    text;
BEGIN
    FOREACH command IN ARRAY ARRAY[
        'GRANT USAGE ON SCHEMA tagexec TO tagexec_producer',
        format('GRANT INSERT (%s) ON tagexec.tag_jobs TO tagexec_producer', producer_columns),
        'GRANT SELECT (id, batch, dedupe_key) ON tagexec.tag_jobs TO tagexec_producer',
        format('GRANT EXECUTE ON FUNCTION %s TO tagexec_producer', batch_functions),

        'GRANT USAGE ON SCHEMA tagexec TO tagexec_executor',
        'GRANT SELECT ON ALL TABLES IN SCHEMA tagexec TO tagexec_executor',
        format('GRANT UPDATE (%s) ON tagexec.tag_jobs TO tagexec_executor', executor_columns),
        'GRANT INSERT ON tagexec.tag_job_attempts TO tagexec_executor',
        'GRANT INSERT ON tagexec.tag_kinds TO tagexec_executor',
        'GRANT INSERT, UPDATE ON tagexec.tag_executors TO tagexec_executor',
        'GRANT EXECUTE ON FUNCTION tagexec.submit_jobs(text, jsonb, jsonb, text), tagexec.batch_settled(text, boolean), tagexec.assert_batch_ok(text), tagexec.resubmit_cancelled(bigint[]) TO tagexec_executor',

        'GRANT USAGE ON SCHEMA tagexec TO tagexec_operator',
        'GRANT SELECT ON tagexec.tag_pools TO tagexec_operator',
        'GRANT UPDATE (slots, paused, description) ON tagexec.tag_pools TO tagexec_operator',
        'GRANT EXECUTE ON FUNCTION tagexec.cancel_batch(text, text), tagexec.retry_batch(text, text), tagexec.cancel_job(bigint, text), tagexec.retry_job(bigint), tagexec.explain_job(bigint) TO tagexec_operator'
    ] LOOP
        role := substring(command FROM ' TO (\w+)$');
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            EXECUTE command;
        END IF;
    END LOOP;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION tagexec.grant_roles IS 'Internal: grants the group roles that exist their rights in schema tagexec; to be called again by the owner when a role was created later.';
REVOKE EXECUTE ON FUNCTION tagexec.grant_roles FROM PUBLIC;
SELECT tagexec.grant_roles();

INSERT INTO tagexec.schema_versions (version, min_compatible) VALUES (5, 1);

-- +goose Down
DELETE FROM tagexec.schema_versions WHERE version = 5;
DROP FUNCTION tagexec.grant_roles;
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
