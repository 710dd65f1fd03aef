package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// The catalogs may be read by everybody. Whoever may not read the tables reads
// the views, which have the same columns under the same names.
const diagnoseSchemaSQL = `-- tagexec: diagnose schema
SELECT count(*) > 0, coalesce(bool_and(has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')), false)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'tagexec'
   AND c.relname IN ('tag_jobs', 'tag_executors', 'tag_pools')`

func diagnoseSchema(ctx context.Context, p *patient, tx pgx.Tx) ([]Diagnosis, error) {
	var readable bool
	if err := tx.QueryRow(ctx, diagnoseSchemaSQL).Scan(&p.schema, &readable); err != nil {
		return nil, err
	}
	if !p.schema {
		return []Diagnosis{{LevelFinding, "", "this database has no tagexec schema, so nothing else was looked at", "Run `tagexec migrate up`, or correct TAGEXEC_DATABASE_URL if the queue is elsewhere."}}, nil
	}
	p.names = strings.NewReplacer("{jobs}", "tagreport.jobs", "{executors}", "tagreport.executors", "{pools}", "tagreport.pools")
	if readable {
		p.names = strings.NewReplacer("{jobs}", "tagexec.tag_jobs", "{executors}", "tagexec.tag_executors", "{pools}", "tagexec.tag_pools")
	}
	var version, minCompatible int
	if err := tx.QueryRow(ctx, schemaSQL).Scan(&version, &minCompatible); err != nil {
		return nil, err
	}
	var unfit *SchemaError
	switch err := schemaFits(version, minCompatible); {
	case errors.As(err, &unfit) && version < minSchemaVersion:
		return []Diagnosis{{LevelFinding, "", fmt.Sprintf("the schema has version %d, this tagexec needs at least %d", version, minSchemaVersion), "Run `tagexec migrate up` as the schema's owner."}}, nil
	case unfit != nil:
		return []Diagnosis{{LevelFinding, "", fmt.Sprintf("the schema has version %d and needs a tagexec that knows version %d, this one knows %d", version, minCompatible, SchemaVersion), "Install a newer tagexec on this host."}}, nil
	case version < SchemaVersion:
		return []Diagnosis{{LevelFinding, "", fmt.Sprintf("the schema has version %d, this tagexec brings %d: it works, without what came since", version, SchemaVersion), "Run `tagexec migrate up` as the schema's owner."}}, nil
	case version > SchemaVersion:
		return []Diagnosis{{LevelInfo, "", fmt.Sprintf("the schema has version %d, newer than the %d that this tagexec knows, and fits it", version, SchemaVersion), ""}}, nil
	}
	return []Diagnosis{{LevelOK, "", fmt.Sprintf("the schema has version %d", version), ""}}, nil
}

func diagnoseInvariants(ctx context.Context, _ *patient, tx pgx.Tx) ([]Diagnosis, error) {
	list, err := Violations(ctx, tx)
	if err != nil {
		return nil, err
	}
	var said []Diagnosis
	for _, v := range list {
		if v.Rule != "pool_limit" { // the check of pools says it, with its remedy
			said = append(said, Diagnosis{LevelFinding, "", fmt.Sprintf("a promise is broken (%s): %s", v.Rule, v.Detail),
				"Somebody changed the tables by hand, or tagexec has a mistake: report it, with the rows it names."})
		}
	}
	if len(said) == 0 {
		said = []Diagnosis{{LevelOK, "", "the tables keep every promise that can be read from them", ""}}
	}
	return said, nil
}
