package migrations

import (
	"context"
	"database/sql"
)

// Roles belong to the whole server. One that exists before our first file may be
// another queue's, or somebody's who waits for the rights that it will get.
const oddRolesSQL = `
SELECT format('%I (it has %s)', rolname, concat_ws(', ',
       CASE WHEN rolcanlogin    THEN 'LOGIN' END,
       CASE WHEN rolsuper       THEN 'SUPERUSER' END,
       CASE WHEN rolcreaterole  THEN 'CREATEROLE' END,
       CASE WHEN rolcreatedb    THEN 'CREATEDB' END,
       CASE WHEN rolreplication THEN 'REPLICATION' END,
       CASE WHEN rolbypassrls   THEN 'BYPASSRLS' END))
  FROM pg_catalog.pg_roles
 WHERE rolname IN ('tagexec_producer', 'tagexec_executor', 'tagexec_operator', 'tagexec_analyst', 'tagexec_viewer')
   AND (rolcanlogin OR rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)
 ORDER BY rolname`

// refuseRoles refuses group roles that are more than groups, before they get their
// rights for the first time.
func refuseRoles(ctx context.Context, tx *sql.Tx) error {
	odd, err := list(tx.QueryContext(ctx, oddRolesSQL))
	if err == nil && odd != "" {
		err = refusef("a group role of the queue exists already and is more than a group: %s. Take that from it (ALTER ROLE … NOLOGIN …), or drop it", odd)
	}
	return err
}

// What our schemas hold, by its catalog and its number, once code was installed.
const knownSQL = `
SELECT coalesce(string_agg(o.catalog || ' ' || o.oid, ','), '')
  FROM (SELECT 'class' AS catalog, oid, relnamespace AS namespace FROM pg_catalog.pg_class
        UNION ALL
        SELECT 'proc', oid, pronamespace FROM pg_catalog.pg_proc
        UNION ALL
        SELECT 'namespace', oid, oid FROM pg_catalog.pg_namespace) o
  JOIN pg_catalog.pg_namespace n ON n.oid = o.namespace AND n.nspname IN ('tagexec', 'tagreport')`

// plainSQL takes from all but its owner what default privileges gave on an object that
// is not known.
const plainSQL = `
DO $$
DECLARE
    known CONSTANT text[] := string_to_array(current_setting('tagexec.known'), ',');
    command text;
BEGIN
    FOR command IN
        SELECT DISTINCT format('REVOKE ALL ON %s FROM %s', o.name, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END)
          FROM (SELECT 'class' AS catalog, oid, relnamespace AS namespace, relowner AS owner, relacl AS acl, CASE relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || oid::regclass AS name
                  FROM pg_catalog.pg_class WHERE relkind IN ('r', 'v', 'S')
                UNION ALL
                SELECT 'proc', oid, pronamespace, proowner, proacl, 'FUNCTION ' || oid::regprocedure FROM pg_catalog.pg_proc
                UNION ALL
                SELECT 'namespace', oid, oid, nspowner, nspacl, 'SCHEMA ' || oid::regnamespace FROM pg_catalog.pg_namespace) o
          JOIN pg_catalog.pg_namespace n ON n.oid = o.namespace AND n.nspname IN ('tagexec', 'tagreport')
         CROSS JOIN LATERAL aclexplode(o.acl) a
         WHERE a.grantee <> o.owner
           AND o.catalog || ' ' || o.oid <> ALL (known)
    LOOP
        EXECUTE command;
    END LOOP;
END
$$`

// findKnown returns what is not new, "" where no code was ever installed: then all is.
func (d *database) findKnown(ctx context.Context) (known string, err error) {
	err = inTx(ctx, d.db, func(tx *sql.Tx) error {
		var there bool
		if err := tx.QueryRowContext(ctx, "SELECT to_regclass('tagexec.schema_versions') IS NOT NULL").Scan(&there); err != nil || !there {
			return err
		}
		if err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM tagexec.schema_versions WHERE code_hash IS NOT NULL)").Scan(&there); err != nil || !there {
			return err
		}
		return tx.QueryRowContext(ctx, knownSQL).Scan(&known)
	})
	return known, err
}

// plain leaves new objects to their owner alone.
func plain(ctx context.Context, tx *sql.Tx, known string) error {
	if _, err := tx.ExecContext(ctx, "SELECT set_config('tagexec.known', $1, true)", known); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, plainSQL)
	return err
}
