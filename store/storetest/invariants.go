package storetest

import (
	"context"
	"testing"

	"github.com/tagexec/tagexec/store"
)

// Allow names a rule of [store.Violations] that the test breaks on purpose,
// such as pool_limit after a pool was made smaller than what runs.
func (db *DB) Allow(rule string) { db.allowed[rule] = true }

// CheckInvariants fails the test if the tables break a promise. It may be
// called at any time, also while executors work.
func CheckInvariants(t testing.TB, db *DB) {
	t.Helper()
	list, err := store.Violations(context.Background(), db.Pool)
	if err != nil {
		t.Errorf("check the invariants: %v", err)
	}
	for _, v := range list {
		if !db.allowed[v.Rule] {
			t.Errorf("invariant %s: %s", v.Rule, v.Detail)
		}
	}
}
