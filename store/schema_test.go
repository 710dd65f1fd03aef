package store_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// After Graphile's "aborts if database is more up to date than current worker".
func TestCheckSchemaRefusesOneItCannotWorkWithNamingBothVersions(t *testing.T) {
	t.Parallel()
	mine := store.SchemaVersion
	const only = "DELETE FROM tagexec.schema_versions WHERE version <> %d; "
	for _, tt := range []struct {
		name   string
		change string
		want   string
	}{
		{"its own", "", ""},
		{"a newer one that is compatible", fmt.Sprintf("INSERT INTO tagexec.schema_versions (version, min_compatible, code_hash) VALUES (%d, %d, 'x')", mine+5, mine), ""},
		{"a newer one that is not", fmt.Sprintf("INSERT INTO tagexec.schema_versions (version, min_compatible, code_hash) VALUES (%d, %d, 'x')", mine+5, mine+2),
			fmt.Sprintf("the database's schema (version %d) needs a tagexec that knows version %d, this one knows %d: install a newer tagexec", mine+5, mine+2, mine)},
		{"the oldest it works with", fmt.Sprintf(only+"UPDATE tagexec.schema_versions SET version = %d", mine, store.MinSchemaVersion), ""},
		{"an older one", fmt.Sprintf(only+"UPDATE tagexec.schema_versions SET version = 9", mine),
			fmt.Sprintf("the database's schema has version 9, this tagexec needs at least %d: run `tagexec migrate up`", store.MinSchemaVersion)},
		{"one whose functions were not installed", "UPDATE tagexec.schema_versions SET code_hash = NULL",
			fmt.Sprintf("the database's schema has version 0, this tagexec needs at least %d: run `tagexec migrate up`", store.MinSchemaVersion)},
		{"one from before the first release", "ALTER TABLE tagexec.schema_versions DROP code_hash",
			fmt.Sprintf("the database's schema has version 0, this tagexec needs at least %d: run `tagexec migrate up`", store.MinSchemaVersion)},
		{"one that was never finished", "DELETE FROM tagexec.schema_versions",
			fmt.Sprintf("the database's schema has version 0, this tagexec needs at least %d: run `tagexec migrate up`", store.MinSchemaVersion)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			if tt.change != "" {
				db.Exec(tt.change)
			}
			checkSchemaError(t, db.Store().CheckSchema(t.Context()), tt.want)
		})
	}
}

func TestCheckSchemaRefusesADatabaseWithoutOne(t *testing.T) {
	t.Parallel()
	db := storetest.Empty(t)
	want := fmt.Sprintf("the database has no tagexec schema; this tagexec needs version %d: run `tagexec migrate up`", store.MinSchemaVersion)
	checkSchemaError(t, db.Store().CheckSchema(t.Context()), want)
	if _, err := migrations.Up(t.Context(), db.URL); err != nil {
		t.Fatal(err)
	}
	checkSchemaError(t, db.Store().CheckSchema(t.Context()), "")
}

func checkSchemaError(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Error(err)
		}
		return
	}
	var schema *store.SchemaError
	if !errors.As(err, &schema) || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
