package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/doctor"
)

// Allow names a rule of [doctor.Violations] that the test breaks on purpose,
// such as pool_limit after a pool was made smaller than what runs.
func (db *DB) Allow(rule string) {
	if db.allowed == nil {
		db.allowed = map[string]bool{}
	}
	db.allowed[rule] = true
}

// CheckInvariants fails the test if the tables break a promise. It may be
// called at any time, also while executors work.
func CheckInvariants(t testing.TB, db *DB) {
	t.Helper()
	list, err := doctor.Violations(context.Background(), db.Pool)
	if err != nil {
		t.Errorf("check the invariants: %v", err)
	}
	for _, v := range list {
		if !db.allowed[v.Rule] {
			t.Errorf("invariant %s: %s", v.Rule, v.Detail)
		}
	}
}

// hasNewestSchema reports whether the database has the schema that
// CheckInvariants reads.
func hasNewestSchema(t testing.TB, db *DB) bool {
	t.Helper()
	var version *int
	err := db.Pool.QueryRow(context.Background(), "SELECT max(version) FROM tagexec.schema_versions").Scan(&version)
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &pg): // there is no such table
		return false
	case err != nil:
		t.Errorf("read the schema's version: %v", err)
	}
	return version != nil && *version == store.SchemaVersion
}
