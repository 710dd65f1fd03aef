package migrations

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// openAsOwner opens the database at url in sessions of the role that owns the schema,
// or is about to. The login is that role, or may become it; then the role is named
// first. So a login with more rights never uses them on what that role has made, but
// where code of that role runs: it could take the rights of the login back. So there
// must be none where migrations read and write. What that role makes while they run is
// not seen: who does not trust it connects as that role.
func openAsOwner(ctx context.Context, url string, tell []func(string)) (*sql.DB, error) {
	db, pooled, err := open(ctx, url, "", tell)
	if err != nil {
		return nil, err
	}
	role, err := findOwner(ctx, db)
	if err == nil && role != "" && pooled {
		err = refusef("schema tagexec belongs to %q, and a pooler keeps nobody's role: connect as that role, or to the server itself", role)
	}
	if err != nil || role == "" {
		if err != nil {
			_ = db.Close() // the first error is the one to tell
			return nil, err
		}
		return db, nil
	}
	if err := db.Close(); err != nil {
		return nil, err
	}
	tellAll(tell, fmt.Sprintf("schema tagexec belongs to %q, and all is done as that role", role))
	db, _, err = open(ctx, url, role, tell)
	return db, err
}

// ownersSQL returns the login's role, and of our schemas who owns them.
const ownersSQL = `
SELECT current_user,
       coalesce(max(o.rolname) FILTER (WHERE n.nspname = 'tagexec'), ''),
       coalesce(max(o.rolname) FILTER (WHERE n.nspname = 'tagreport'), ''),
       coalesce(bool_or(pg_has_role(n.nspowner, 'MEMBER')) FILTER (WHERE n.nspname = 'tagexec'), false)
  FROM pg_catalog.pg_namespace n
  JOIN pg_catalog.pg_roles o ON o.oid = n.nspowner
 WHERE n.nspname IN ('tagexec', 'tagreport')`

// findOwner returns the role that the login has to take, "" for its own. It refuses
// schemas that are not the login's to change, and those with objects of others.
func findOwner(ctx context.Context, db *sql.DB) (role string, err error) {
	err = inTx(ctx, db, func(tx *sql.Tx) error {
		if err := refuseReadOnly(ctx, tx); err != nil {
			return err
		}
		var login, queue, reports string
		var member bool
		if err := tx.QueryRowContext(ctx, ownersSQL).Scan(&login, &queue, &reports, &member); err != nil {
			return err
		}
		switch {
		case queue == "" && reports == "":
			return nil
		case queue == "":
			return refusef("the database has a schema tagreport, which belongs to %q, and no schema tagexec: rename it or drop it, it is not this tool's", reports)
		case reports != "" && reports != queue:
			return refusef("schema tagexec belongs to %q and schema tagreport to %q: both must belong to one role (ALTER SCHEMA … OWNER TO …), or be dropped if they are not this tool's", queue, reports)
		case !member:
			return refusef("schema tagexec belongs to %q, and %q is neither that role nor a member of it nor a superuser: connect as %q", queue, login, queue)
		case queue != login:
			role = queue
		}
		foreign, err := list(tx.QueryContext(ctx, foreignSQL))
		if err != nil {
			return err
		}
		if foreign != "" {
			return refusef("the schemas of %q hold what others made, and nothing of it is touched: %s. Drop it, move it to another schema, or give it to that role (ALTER … OWNER TO …)", queue, foreign)
		}
		if role == "" {
			return nil
		}
		attached, err := list(tx.QueryContext(ctx, attachedSQL))
		if err == nil && attached != "" {
			err = refusef("schema tagexec belongs to %q, and what hangs on its tables would run with the rights of %q: %s. Drop it, or connect as %[1]q", queue, login, attached)
		}
		return err
	})
	return role, err
}

// refuseReadOnly refuses a server or a login that writes nothing. A setting of the
// login or the database is not overruled: who made it wants to keep the data.
func refuseReadOnly(ctx context.Context, tx *sql.Tx) error {
	var standby, readOnly bool
	const ask = "SELECT pg_is_in_recovery(), current_setting('transaction_read_only')::boolean"
	err := tx.QueryRowContext(ctx, ask).Scan(&standby, &readOnly)
	switch {
	case err != nil:
		return err
	case standby:
		return refusef("this server is a standby, which writes nothing of its own: connect to the primary")
	case readOnly:
		return refusef("transactions are read-only here (default_transaction_read_only is on for the login, the database or the server): turn that off, or connect as another login")
	}
	return nil
}

// What lies in our schemas by itself: what is part of a table is not listed. An
// owner that is not recorded is the superuser the server began with.
const objectsSQL = `
WITH objects AS (
    SELECT pg_describe_object(d.classid, d.objid, 0) AS object, o.rolname AS owner, n.nspowner <> o.oid AS is_foreign,
           d.classid = 'pg_class'::regclass AND d.objid::regclass::text IN ('tagexec.goose_db_version', 'tagexec.goose_db_version_id_seq') AS is_versions
      FROM pg_catalog.pg_namespace n
      JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid AND d.deptype = 'n'
      LEFT JOIN pg_catalog.pg_shdepend s ON s.classid = d.classid AND s.objid = d.objid AND s.deptype = 'o'
       AND s.dbid = (SELECT b.oid FROM pg_catalog.pg_database b WHERE b.datname = current_database())
      JOIN pg_catalog.pg_roles o ON o.oid = coalesce(s.refobjid, 10)
     WHERE n.nspname IN ('tagexec', 'tagreport')
)
`

const (
	foreignSQL = objectsSQL + `
SELECT format('%s of %I', object, owner) FROM objects WHERE is_foreign ORDER BY 1 LIMIT 6`

	strayedSQL = objectsSQL + `
SELECT object FROM objects WHERE NOT is_versions ORDER BY 1 LIMIT 6`
)

// What can run code when migrations write to the tables of versions and of attempts, or
// read any of ours. Those of attempts they write to with their triggers off. What is the
// system's own is in no dependency.
const attachedSQL = `
WITH ours AS (
    SELECT c.oid, c.relkind, c.relname, w.triggers_off, w.name IS NOT NULL AND (c.relname <> 'tag_job_attempts' OR c.relkind = 'r') AS is_written
      FROM pg_catalog.pg_class c
      LEFT JOIN (VALUES ('goose_db_version', false), ('schema_versions', false), ('kept_rights', false),
                        ('tag_past_attempts', true), ('tag_job_attempts', true)) w (name, triggers_off) ON w.name = c.relname
     WHERE c.relnamespace = 'tagexec'::regnamespace
), parts AS (
    SELECT 'pg_class'::regclass AS class, oid FROM ours WHERE is_written
    UNION ALL
    SELECT 'pg_class'::regclass, i.indexrelid FROM pg_catalog.pg_index i JOIN ours o ON o.oid = i.indrelid AND o.is_written
    UNION ALL
    SELECT 'pg_attrdef'::regclass, a.oid FROM pg_catalog.pg_attrdef a JOIN ours o ON o.oid = a.adrelid AND o.is_written
    UNION ALL
    SELECT 'pg_constraint'::regclass, c.oid FROM pg_catalog.pg_constraint c JOIN ours o ON o.oid = c.conrelid AND o.is_written
), attached AS (
    SELECT d.refclassid AS class, d.refobjid AS oid
      FROM pg_catalog.pg_depend d
      JOIN parts p ON p.class = d.classid AND p.oid = d.objid
     WHERE d.refclassid IN ('pg_proc'::regclass, 'pg_type'::regclass, 'pg_operator'::regclass)
    UNION
    SELECT 'pg_trigger'::regclass, t.oid FROM pg_catalog.pg_trigger t JOIN ours o ON o.oid = t.tgrelid AND o.is_written AND NOT o.triggers_off
    UNION
    SELECT 'pg_rewrite'::regclass, r.oid FROM pg_catalog.pg_rewrite r JOIN ours o ON o.oid = r.ev_class AND o.is_written
    UNION
    SELECT 'pg_class'::regclass, i.inhrelid FROM pg_catalog.pg_inherits i JOIN ours o ON o.oid = i.inhparent AND o.is_written
    UNION
    SELECT 'pg_policy'::regclass, p.oid FROM pg_catalog.pg_policy p JOIN ours o ON o.oid = p.polrelid
    UNION
    SELECT 'pg_class'::regclass, oid FROM ours WHERE relkind IN ('v', 'm', 'f', 'p') AND relname NOT IN ('role_rights', 'attempts', 'tag_job_attempts')
)
SELECT pg_describe_object(class, oid, 0) FROM attached ORDER BY 1 LIMIT 6`

// refuseObjects refuses a schema in which something is before the first numbered file
// was applied: a table of ours by name only, or a function that would be called.
func refuseObjects(ctx context.Context, tx *sql.Tx) error {
	strayed, err := list(tx.QueryContext(ctx, strayedSQL))
	if err == nil && strayed != "" {
		err = refusef("schema tagexec is to be made, and exists already with objects that are not this tool's: %s. Drop them, or move them to another schema", strayed)
	}
	return err
}

// list returns the first five rows of one column as a list in words.
func list(rows *sql.Rows, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var one string
		if err := rows.Scan(&one); err != nil {
			return "", err
		}
		all = append(all, one)
	}
	if len(all) > 5 {
		all = append(all[:5], "and more")
	}
	return strings.Join(all, ", "), rows.Err()
}
