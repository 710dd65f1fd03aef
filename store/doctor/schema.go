package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/store"
)

// Every login may read the catalogs. A login that may not read the tables reads
// the views instead, which have the same columns under the same names.
const relationsSQL = `-- tagexec: diagnose schema
SELECT count(*) > 0, coalesce(bool_and(has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')), false)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'tagexec'
   AND c.relname IN ('tag_jobs', 'tag_executors', 'tag_pools', 'tag_unwritable_jobs')`

// checkSchema finds out for the checks after it whether there is a schema and
// which relations to read, and compares its version with this binary's.
func checkSchema(ctx context.Context, t *target, tx pgx.Tx) ([]Diagnosis, error) {
	var readable bool
	if err := tx.QueryRow(ctx, relationsSQL).Scan(&t.schema, &readable); err != nil {
		return nil, err
	}
	if !t.schema {
		return []Diagnosis{{Level: Finding, Detail: "this database has no tagexec schema, so nothing else was looked at",
			Remedy: "Run `tagexec migrate up`, or correct TAGEXEC_DATABASE_URL if the queue is elsewhere."}}, nil
	}
	prefix := "tagreport."
	if readable {
		prefix = "tagexec.tag_"
	}
	t.names = strings.NewReplacer("{jobs}", prefix+"jobs", "{executors}", prefix+"executors", "{pools}", prefix+"pools", "{unwritable}", prefix+"unwritable_jobs",
		"{default_lease}", fmt.Sprint(store.DefaultLease.Seconds()), "{kill_grace}", fmt.Sprint(store.KillGrace.Seconds()))
	version, minCompatible, err := store.ReadSchema(ctx, tx)
	if err != nil {
		return nil, err
	}
	return compareVersions(version, minCompatible), nil
}

// compareVersions says how a schema of that version, which needs binaries that
// know at least minCompatible, fits this binary.
func compareVersions(version, minCompatible int) []Diagnosis {
	const migrate = "Run `tagexec migrate up` as the schema's owner."
	d := Diagnosis{Level: Finding}
	switch {
	case version < store.MinSchemaVersion:
		d.Detail = fmt.Sprintf("the schema has version %d, this tagexec needs at least %d", version, store.MinSchemaVersion)
		d.Remedy = migrate
	case minCompatible > store.SchemaVersion:
		d.Detail = fmt.Sprintf("the schema has version %d and needs a tagexec that knows version %d, this one knows %d", version, minCompatible, store.SchemaVersion)
		d.Remedy = "Install a newer tagexec on this host."
	case version < store.SchemaVersion:
		d.Detail = fmt.Sprintf("the schema has version %d, this tagexec brings %d: it works, without what came since", version, store.SchemaVersion)
		d.Remedy = migrate
	case version > store.SchemaVersion:
		return info("the schema has version %d, newer than the %d that this tagexec knows, and fits it", version, store.SchemaVersion)
	default:
		return []Diagnosis{{Level: OK, Detail: fmt.Sprintf("the schema has version %d", version)}}
	}
	return []Diagnosis{d}
}
