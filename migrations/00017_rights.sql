-- A role for viewers. Executors may not say who reported a job that cannot be written. The
-- code changes too: executors prune by functions.

-- +goose Up
-- +goose StatementBegin
DO $$
BEGIN
    -- As with the first group roles: one that exists may be somebody's who waits for its rights.
    IF EXISTS (SELECT FROM pg_catalog.pg_roles r
                WHERE r.rolname = 'tagexec_viewer'
                  AND (r.rolcanlogin OR r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls)) THEN
        RAISE EXCEPTION 'role tagexec_viewer exists already and is more than a group: take from it what it has (ALTER ROLE tagexec_viewer NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS), or drop it';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'tagexec_viewer') THEN
        CREATE ROLE tagexec_viewer NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL; -- made by another database's migration just now
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'role tagexec_viewer was not created: % may not. An administrator can CREATE ROLE tagexec_viewer NOLOGIN; then the owner calls tagexec.grant_roles().', current_user;
END
$$;

DO $$
BEGIN
    IF to_regrole('tagexec_executor') IS NOT NULL THEN
        REVOKE INSERT, UPDATE ON tagexec.tag_unwritable_jobs FROM tagexec_executor;
        GRANT INSERT (job_id, error_code, error), UPDATE (tried_at, error_code, error) ON tagexec.tag_unwritable_jobs TO tagexec_executor;
    END IF;
END
$$;
-- +goose StatementEnd
INSERT INTO tagexec.schema_versions (version, min_compatible) VALUES (17, 14);

-- +goose Down
DELETE FROM tagexec.schema_versions WHERE version = 17;
-- +goose StatementBegin
DO $$
BEGIN
    IF to_regrole('tagexec_executor') IS NOT NULL THEN
        GRANT INSERT, UPDATE ON tagexec.tag_unwritable_jobs TO tagexec_executor;
    END IF;
    IF to_regrole('tagexec_viewer') IS NOT NULL THEN
        REVOKE ALL ON ALL TABLES IN SCHEMA tagexec, tagreport FROM tagexec_viewer;
        REVOKE ALL ON SCHEMA tagexec, tagreport FROM tagexec_viewer;
        DROP ROLE tagexec_viewer;
    END IF;
EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege THEN
    RAISE NOTICE 'role tagexec_viewer stays: another database uses it, or % may not drop it', current_user;
END
$$;
-- +goose StatementEnd
