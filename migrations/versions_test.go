package migrations_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

func upFrom(t *testing.T, db *storetest.DB, files fs.FS) []string {
	t.Helper()
	applied, err := migrations.UpFrom(t.Context(), files, db.URL)
	if err != nil {
		t.Fatal(err)
	}
	return applied
}

// outsider makes a role that is none of ours, with rights on each of the databases.
func outsider(t *testing.T) (grant func(db *storetest.DB)) {
	t.Helper()
	name := "outsider_" + strings.ToLower(rand.Text())
	return func(db *storetest.DB) {
		t.Helper()
		if storetest.One[bool](db, "SELECT to_regrole($1) IS NULL", name) {
			db.Exec("CREATE ROLE " + name)
			t.Cleanup(func() {
				if _, err := db.Pool.Exec(context.Background(), "DROP ROLE "+name); err != nil {
					t.Error(err)
				}
			})
		}
		db.Exec("GRANT SELECT ON tagreport.operator_actions TO " + name)
		db.Exec("GRANT EXECUTE ON FUNCTION tagexec.retry_job TO " + name)
		t.Cleanup(func() {
			if _, err := db.Pool.Exec(context.Background(), "DROP OWNED BY "+name); err != nil {
				t.Error(err)
			}
		})
	}
}

// withoutHash leaves out the rows that differ between an updated and a new database:
// the code of the version before was installed in one of them.
func withoutHash(rows []string) []string {
	return slices.DeleteFunc(rows, func(row string) bool { return strings.HasPrefix(row, fmt.Sprint(store.SchemaVersion)+" ") })
}

// An update gives what a new database gets, with the rights that others granted.
func TestUpFromTheVersionBeforeGivesTheSameAsANewDatabase(t *testing.T) {
	t.Parallel()
	next, grant := nextVersion(t), outsider(t)
	fresh := storetest.Empty(t)
	upFrom(t, fresh, next)
	grant(fresh)

	db := storetest.Empty(t)
	up(t, db)
	grant(db)
	if applied := upFrom(t, db, next); len(applied) != 2 || applied[1] != "code" {
		t.Errorf("applied %q", applied)
	}
	checkSame(t, "the updated schema", describe(db), describe(fresh))
	checkSame(t, "the updated rows", withoutHash(rows(db)), withoutHash(rows(fresh)))
	if applied := upFrom(t, db, next); len(applied) != 0 {
		t.Errorf("applied again: %q", applied)
	}
}

// So does one from a version whose code was never installed or was removed.
func TestUpFromTheVersionBeforeWithoutItsCode(t *testing.T) {
	t.Parallel()
	next := nextVersion(t)
	fresh, db := storetest.Empty(t), storetest.Empty(t)
	upFrom(t, fresh, next)

	broken := copied(t)
	change(t, broken, "44_explain_job.sql", "RETURNS text", "RETURNS nothing")
	if _, err := migrations.UpFrom(t.Context(), broken, db.URL); err == nil || !strings.Contains(err.Error(), "install code/44_explain_job.sql") {
		t.Fatalf("installed broken code: %v", err)
	}
	upFrom(t, db, next)
	checkSame(t, "the updated schema", describe(db), describe(fresh))
}

func TestUpByAnOlderBinaryLeavesNewerCode(t *testing.T) {
	t.Parallel()
	db := storetest.Empty(t)
	up(t, db)
	upFrom(t, db, nextVersion(t))
	full, filled := describe(db), rows(db)
	if applied := up(t, db); len(applied) != 0 {
		t.Errorf("the older binary applied %q", applied)
	}
	for _, s := range list(t, db) {
		if s.AppliedAt.IsZero() {
			t.Errorf("pending for the older binary: %+v", s)
		}
	}
	want := fmt.Sprintf("migrate down: the schema has version %d, and this tagexec knows only %d: take it back with the tagexec that brought it", newest(t)+1, newest(t))
	if _, err := migrations.Down(t.Context(), db.URL, true); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	checkSame(t, "the schema", describe(db), full)
	checkSame(t, "the rows", rows(db), filled)
}

// A newer binary that fails between its tables and its code leaves the code that was
// there, and an older one does not call that its own.
func TestUpLeavesAllOldCodeWhenTheNewFails(t *testing.T) {
	t.Parallel()
	next, db := nextVersion(t), storetest.Empty(t)
	up(t, db)
	broken := nextVersion(t)
	change(t, broken, "90_rights.sql", "RETURNS void", "RETURNS nothing")
	if _, err := migrations.UpFrom(t.Context(), broken, db.URL); err == nil {
		t.Fatal("installed broken code")
	}
	between := describe(db)
	if explain := storetest.One[string](db, "SELECT prosrc FROM pg_proc WHERE proname = 'explain_job'"); strings.Contains(explain, "was paused") {
		t.Error("half of the new code is installed")
	}
	if applied := up(t, db); len(applied) != 0 {
		t.Errorf("the older binary applied %q", applied)
	}
	checkSame(t, "the schema", describe(db), between)
	fresh := storetest.Empty(t)
	upFrom(t, fresh, next)
	upFrom(t, db, next)
	checkSame(t, "the schema of the second try", describe(db), describe(fresh))
}

func TestUpInstallsCodeOfItsOwnVersionWhenItDiffers(t *testing.T) {
	t.Parallel()
	db := storetest.Empty(t)
	up(t, db)
	changed := copied(t)
	change(t, changed, "44_explain_job.sql", "is paused", "was paused")
	explain := func() string {
		return storetest.One[string](db, "SELECT prosrc FROM pg_proc WHERE proname = 'explain_job'")
	}
	for _, step := range []struct {
		files fs.FS
		want  string
	}{{changed, "was paused"}, {migrations.Files, "is paused"}} {
		if applied := upFrom(t, db, step.files); !slices.Equal(applied, []string{"code"}) {
			t.Errorf("applied %q", applied)
		}
		if !strings.Contains(explain(), step.want) {
			t.Errorf("explain_job does not say %q", step.want)
		}
	}
}
