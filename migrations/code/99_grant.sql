-- The last file: before it, new objects are their owner's alone, whatever default
-- privileges there are.

-- Postgres lets everybody call a new function.
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA tagexec, tagreport FROM PUBLIC;

-- Every command looks first whether the schema fits, whatever its login may do; and
-- doctor says to every login what it may not do.
GRANT SELECT ON tagexec.schema_versions, tagexec.role_rights TO PUBLIC;

SELECT tagexec.grant_roles();

DO $$
DECLARE
    r record;
BEGIN
    FOR r IN DELETE FROM tagexec.kept_rights RETURNING privilege, object, grantee LOOP
        CONTINUE WHEN NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = r.grantee);
        EXECUTE format('GRANT %s ON %s TO %I', r.privilege, r.object, r.grantee);
    END LOOP;
END
$$;
