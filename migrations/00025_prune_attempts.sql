-- Attempts may outlive their jobs: the function that prunes jobs takes a word about them.

-- +goose Up
INSERT INTO tagexec.kept_rights (privilege, object, grantee)
SELECT a.privilege_type, 'FUNCTION tagexec.prune_jobs(interval, bigint, integer, boolean)', r.rolname
  FROM pg_catalog.pg_proc p
 CROSS JOIN aclexplode(p.proacl) a
  JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
 WHERE p.oid = to_regprocedure('tagexec.prune_jobs(interval, bigint, integer)') AND a.grantee <> p.proowner;
DROP FUNCTION IF EXISTS tagexec.prune_jobs(interval, bigint, integer);
INSERT INTO tagexec.schema_versions (version, min_compatible) VALUES (25, 18);

-- +goose Down
DELETE FROM tagexec.schema_versions WHERE version = 25;
