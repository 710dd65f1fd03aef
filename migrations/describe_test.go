package migrations_test

import (
	"slices"
	"testing"

	"github.com/tagexec/tagexec/store/storetest"
)

// What a database holds beside the system's own: every object with its definition,
// its comment and the rights on it.
const describeSQL = `
WITH ours AS (
    SELECT oid FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)'
), relations AS (
    SELECT * FROM pg_class WHERE relnamespace IN (SELECT oid FROM ours)
), rights (what, acl) AS (
    SELECT 'schema ' || nspname, nspacl FROM pg_namespace WHERE oid IN (SELECT oid FROM ours)
    UNION ALL
    SELECT 'relation ' || oid::regclass, relacl FROM relations
    UNION ALL
    SELECT format('column %s.%s', attrelid::regclass, attname), attacl FROM pg_attribute WHERE attrelid IN (SELECT oid FROM relations) AND NOT attisdropped
    UNION ALL
    SELECT 'function ' || oid::regprocedure, proacl FROM pg_proc WHERE pronamespace IN (SELECT oid FROM ours)
)
SELECT format('right on %s %s', what, (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(acl) a)) FROM rights
UNION ALL
SELECT format('relation %s %s %s', oid::regclass, relkind, reloptions) FROM relations
UNION ALL
SELECT format('view %s %s', oid::regclass, pg_get_viewdef(oid)) FROM relations WHERE relkind = 'v'
UNION ALL
SELECT format('column %s %s %s %s %s %s %s', attrelid::regclass, row_number() OVER (PARTITION BY attrelid ORDER BY attnum), attname, format_type(atttypid, atttypmod), attnotnull, attcollation::regcollation, pg_get_expr(adbin, adrelid))
  FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
 WHERE attnum > 0 AND NOT attisdropped AND attrelid IN (SELECT oid FROM relations)
UNION ALL
SELECT format('index %s', pg_get_indexdef(indexrelid)) FROM pg_index WHERE indrelid IN (SELECT oid FROM relations)
UNION ALL
SELECT format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint WHERE connamespace IN (SELECT oid FROM ours)
UNION ALL
SELECT format('function %s', pg_get_functiondef(oid)) FROM pg_proc WHERE pronamespace IN (SELECT oid FROM ours)
UNION ALL
SELECT format('trigger %s', pg_get_triggerdef(oid)) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL
SELECT format('type %s', oid::regtype) FROM pg_type WHERE typnamespace IN (SELECT oid FROM ours)
UNION ALL
SELECT format('comment on %s: %s', pg_describe_object(classoid, objoid, objsubid), description) FROM pg_description WHERE objoid >= 16384
 ORDER BY 1`

func describe(db *storetest.DB) []string { return storetest.All[string](db, describeSQL) }

// Every row of the tables that migrations fill.
const rowsSQL = `
SELECT format('%s %s %s', kind, description, NULL) FROM tagexec.tag_kinds
UNION ALL
SELECT format('%s %s %s', pool, slots, description) FROM tagexec.tag_pools
UNION ALL
SELECT format('%s %s %s', version, min_compatible, code_hash) FROM tagexec.schema_versions
UNION ALL
SELECT format('%s %s %s', privilege, object, grantee) FROM tagexec.kept_rights
 ORDER BY 1`

func rows(db *storetest.DB) []string { return storetest.All[string](db, rowsSQL) }

func checkSame(t *testing.T, what string, got, want []string) {
	t.Helper()
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("%s has more: %s", what, line)
		}
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("%s lacks: %s", what, line)
		}
	}
}
