package migrations_test

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// newest is the number of the newest numbered file.
func newest(t *testing.T) int {
	t.Helper()
	names, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	var version int
	if _, err := fmt.Sscanf(slices.Max(names), "%05d_", &version); err != nil {
		t.Fatal(err)
	}
	return version
}

func up(t *testing.T, db *storetest.DB) []string {
	t.Helper()
	applied, err := migrations.Up(t.Context(), db.URL)
	if err != nil {
		t.Fatal(err)
	}
	return applied
}

func TestUpDownUpLeavesTheSameSchema(t *testing.T) {
	t.Parallel()
	db := storetest.Empty(t)
	empty := describe(db)
	first := up(t, db)
	if len(first) < 2 || first[len(first)-1] != "code" {
		t.Errorf("applied %q", first)
	}
	if version := storetest.One[int](db, "SELECT max(version) FROM tagexec.schema_versions"); version != store.SchemaVersion || version != newest(t) {
		t.Errorf("schema_versions has %d, store knows %d, the newest file is %d", version, store.SchemaVersion, newest(t))
	}
	if again := up(t, db); len(again) != 0 {
		t.Errorf("applied again: %q", again)
	}
	full, filled := describe(db), rows(db)
	// One step down and up, then all.
	for _, all := range []bool{false, true} {
		undone, err := migrations.Down(t.Context(), db.URL, all, func(notice string) {
			if strings.Contains(notice, "skipping") { // as the server says of what is not there
				t.Errorf("notice: %s", notice)
			}
		})
		if err != nil || len(undone) == 0 || !all && len(undone) != 1 {
			t.Fatalf("took back %q, %v", undone, err)
		}
		if all {
			checkSame(t, "the database after down", describe(db), empty)
		}
		up(t, db)
		checkSame(t, "the schema after down and up", describe(db), full)
		checkSame(t, "the rows after down and up", rows(db), filled)
	}
}

func TestDownTakesBackEachNumberedFileByItself(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	names, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range slices.Backward(names) {
		if undone, err := migrations.Down(t.Context(), db.URL, false); err != nil || len(undone) != 1 || undone[0] != name {
			t.Fatalf("took back %q, %v", undone, err)
		}
		if i > 0 {
			if version := storetest.One[int](db, "SELECT max(version) FROM tagexec.schema_versions"); version >= newest(t) {
				t.Errorf("schema_versions has %d after %s was taken back", version, name)
			}
		}
	}
	if undone, err := migrations.Down(t.Context(), db.URL, false); err != nil || len(undone) != 0 {
		t.Errorf("of nothing it took back %q, %v", undone, err)
	}
	up(t, db) // for the check of the invariants
}

// After Graphile's "multiple concurrent installs of the schema is fine".
func TestUpMayRunSeveralTimesAtOnce(t *testing.T) {
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
	if all := slices.Concat(applied...); len(all) != len(list(t, db)) {
		t.Errorf("applied %q", applied)
	}
}

func list(t *testing.T, db *storetest.DB) []migrations.Status {
	t.Helper()
	list, err := migrations.List(t.Context(), db.URL)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestListShowsWhatIsApplied(t *testing.T) {
	t.Parallel()
	db := storetest.Empty(t)
	check := func(when string, applied, codeApplied bool) {
		t.Helper()
		all := list(t, db)
		if all[len(all)-1].File != "code" {
			t.Errorf("%s: %+v", when, all)
		}
		for _, s := range all {
			if want := applied && (s.File != "code" || codeApplied); s.AppliedAt.IsZero() == want {
				t.Errorf("%s: %+v", when, s)
			}
		}
	}
	check("at first", false, false)
	up(t, db)
	check("after up", true, true)
	db.Exec("UPDATE tagexec.schema_versions SET code_hash = 'another'")
	check("with other code", true, false)
	up(t, db)
	check("after up again", true, true)
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
