package postgres_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// The sessions here have clients that live, so the server itself ends none of them.
func TestAnAttemptEndsTheSessionsOfThoseBeforeItAndNoOther(t *testing.T) {
	t.Parallel()
	db := storetest.Empty(t)
	sessions := map[string]*pgx.Conn{}
	for _, name := range []string{"tagexec q job=7 attempt=1", "tagexec q job=70 attempt=1", "tagexec other job=7 attempt=1", "tagexec q job=7 attempt=2", "tagexec q job=7 attempt=3"} {
		conn, err := pgx.Connect(t.Context(), db.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.Background())
		if _, err := conn.Exec(t.Context(), "SET application_name = '"+name+"'"); err != nil {
			t.Fatal(err)
		}
		sessions[name] = conn
	}
	sources, err := runner.NewSQL(t.Context(), map[string]string{"tags": db.URL}, runner.SQLOptions{Queue: "q"})
	if err != nil {
		t.Fatal(err)
	}
	defer sources.Close()
	second := &store.Job{Claim: store.Claim{ID: 7, Attempt: 2}, Tag: "t", Payload: json.RawMessage(`{"statement": "SELECT 1"}`)}
	if _, err := sources.Run(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	for name, conn := range sessions {
		_, err := conn.Exec(t.Context(), "SELECT 1")
		if ended := err != nil; ended != (name == "tagexec q job=7 attempt=1") {
			t.Errorf("%s has ended: %v (%v)", name, ended, err)
		}
	}
}
