package migrations_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// What a database holds beside the system's own: every object with its
// definition, and every row of the tables that migrations fill.
const describeSQL = `
SELECT 'schema ' || nspname || ' ' || coalesce(nspacl::text, '') FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)'
UNION ALL
SELECT format('relation %s %s %s %s', oid::regclass, relkind, reloptions, relacl) FROM pg_class WHERE relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)')
UNION ALL
SELECT format('column %s %s %s %s %s %s %s', attrelid::regclass, row_number() OVER (PARTITION BY attrelid ORDER BY attnum), attname, format_type(atttypid, atttypmod), attnotnull, attcollation::regcollation, pg_get_expr(adbin, adrelid))
  FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
 WHERE attnum > 0 AND NOT attisdropped AND attrelid IN (SELECT oid FROM pg_class WHERE relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)'))
UNION ALL
SELECT format('index %s', pg_get_indexdef(indexrelid)) FROM pg_index WHERE indrelid IN (SELECT oid FROM pg_class WHERE relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)'))
UNION ALL
SELECT format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint WHERE connamespace IN (SELECT oid FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)')
UNION ALL
SELECT format('function %s %s', pg_get_functiondef(oid), proacl) FROM pg_proc WHERE pronamespace IN (SELECT oid FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)')
UNION ALL
SELECT format('trigger %s', pg_get_triggerdef(oid)) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL
SELECT format('type %s', oid::regtype) FROM pg_type WHERE typnamespace IN (SELECT oid FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)')
UNION ALL
SELECT format('comment %s', description) FROM pg_description WHERE objoid >= 16384
 ORDER BY 1`

const rowsSQL = `
SELECT format('%s %s %s', kind, description, NULL) FROM tagexec.tag_kinds
UNION ALL
SELECT format('%s %s %s', pool, slots, description) FROM tagexec.tag_pools
UNION ALL
SELECT format('%s %s', version, min_compatible) FROM tagexec.schema_versions
 ORDER BY 1`

func describe(db *storetest.DB) []string { return storetest.All[string](db, describeSQL) }

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

func TestUpDownUpLeavesTheSameSchema(t *testing.T) {
	t.Parallel()
	db := storetest.Empty(t)
	empty := describe(db)
	up := func() []string {
		t.Helper()
		applied, err := migrations.Up(t.Context(), db.URL)
		if err != nil {
			t.Fatal(err)
		}
		return applied
	}
	first := up()
	if len(first) != store.SchemaVersion {
		t.Errorf("applied %q, but store knows version %d", first, store.SchemaVersion)
	}
	if again := up(); len(again) != 0 {
		t.Errorf("applied again: %q", again)
	}
	full, rows := describe(db), storetest.All[string](db, rowsSQL)
	// One step down and up, then all.
	for _, all := range []bool{false, true} {
		undone, err := migrations.Down(t.Context(), db.URL, all)
		if err != nil || len(undone) == 0 || !all && len(undone) != 1 {
			t.Fatalf("took back %q, %v", undone, err)
		}
		if all {
			checkSame(t, "the database after down", describe(db), empty)
		}
		up()
		checkSame(t, "the schema after down and up", describe(db), full)
		checkSame(t, "the rows after down and up", storetest.All[string](db, rowsSQL), rows)
	}
}

func TestEachMigrationCanBeTakenBackByItself(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for step := store.SchemaVersion; step > 0; step-- {
		if undone, err := migrations.Down(t.Context(), db.URL, false); err != nil || len(undone) != 1 || !strings.HasPrefix(undone[0], fmt.Sprintf("%05d_", step)) {
			t.Fatalf("took back %q, %v", undone, err)
		}
		if step > 1 {
			if version := storetest.One[int](db, "SELECT max(version) FROM tagexec.schema_versions"); version != step-1 {
				t.Errorf("schema_versions says %d after %d was taken back", version, step)
			}
		}
	}
	if undone, err := migrations.Down(t.Context(), db.URL, false); err != nil || len(undone) != 0 {
		t.Errorf("of nothing it took back %q, %v", undone, err)
	}
	if _, err := migrations.Up(t.Context(), db.URL); err != nil { // for the check of the invariants
		t.Fatal(err)
	}
}

// After Graphile's "multiple concurrent installs of the schema is fine".
func TestSeveralProcessesMayMigrateAtOnce(t *testing.T) {
	t.Parallel()
	db := storetest.Empty(t)
	var g errgroup.Group
	applied := make([][]string, 4)
	for i := range applied {
		g.Go(func() (err error) {
			applied[i], err = migrations.Up(t.Context(), db.URL)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if all := slices.Concat(applied...); len(all) != store.SchemaVersion {
		t.Errorf("applied %q", applied)
	}
}

func TestStatusShowsWhatIsApplied(t *testing.T) {
	t.Parallel()
	db := storetest.Empty(t)
	for _, applied := range []bool{false, true} {
		list, err := migrations.List(t.Context(), db.URL)
		if err != nil || len(list) != store.SchemaVersion {
			t.Fatalf("%v, %v", list, err)
		}
		for _, s := range list {
			if s.AppliedAt.IsZero() == applied {
				t.Errorf("%+v", s)
			}
		}
		if _, err := migrations.Up(t.Context(), db.URL); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEveryObjectHasAComment(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	bare := storetest.All[string](db, `
WITH ours AS (SELECT oid FROM pg_namespace WHERE nspname IN ('tagexec', 'tagreport'))
SELECT 'schema ' || oid::regnamespace FROM ours WHERE obj_description(oid, 'pg_namespace') IS NULL
UNION ALL
SELECT format('%s %s', CASE relkind WHEN 'i' THEN 'index' WHEN 'c' THEN 'type' ELSE 'relation' END, oid::regclass) FROM pg_class c
 WHERE relnamespace IN (SELECT oid FROM ours) AND relkind IN ('r', 'v', 'm', 'p', 'i') AND obj_description(oid, 'pg_class') IS NULL
   AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = c.oid)
UNION ALL
SELECT format('column %s.%s', attrelid::regclass, attname) FROM pg_attribute
 WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace IN (SELECT oid FROM ours) AND relkind IN ('r', 'v', 'm', 'p'))
   AND attnum > 0 AND NOT attisdropped AND col_description(attrelid, attnum) IS NULL
UNION ALL
SELECT 'function ' || oid::regprocedure FROM pg_proc WHERE pronamespace IN (SELECT oid FROM ours) AND obj_description(oid, 'pg_proc') IS NULL
UNION ALL
SELECT 'trigger ' || tgname FROM pg_trigger WHERE NOT tgisinternal AND obj_description(oid, 'pg_trigger') IS NULL
UNION ALL
SELECT 'type ' || t.oid::regtype FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
 WHERE typnamespace IN (SELECT oid FROM ours) AND (typtype IN ('d', 'e') OR c.relkind = 'c') AND obj_description(t.oid, 'pg_type') IS NULL`)
	for _, name := range bare {
		t.Errorf("no comment on %s", name)
	}
}
