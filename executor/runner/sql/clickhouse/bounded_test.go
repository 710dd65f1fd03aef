package clickhouse_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
)

// A profile may bound max_execution_time: then the server refuses what the job's time asks
// for, and the statement goes on without.
func TestAProfileThatBoundsTheTimeOfStatementsKeepsNobodyFromRunning(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(w http.ResponseWriter, a asked) {
		if a.Query.Get("max_execution_time") != "" {
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprint(w, "Code: 452. DB::Exception: Setting max_execution_time shouldn't be greater than 60. (SETTING_CONSTRAINT_VIOLATION) (version 24.8.1.1)")
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), minute)
	defer cancel()
	if _, err := run(t, ctx, f.source(), `{"statements": [{"statement": "INSERT INTO t VALUES (1)"}, {"statement": "INSERT INTO t VALUES (2)"}], "atomic": false}`); err != nil {
		t.Fatal(err)
	}
	if n := len(f.All()); n != 3 {
		t.Errorf("%d requests; want one more than there are statements: what the server refuses is not asked for again", n)
	}
}
