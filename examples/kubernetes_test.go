package examples_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/store/storetest"
)

// What the scaler of Kubernetes asks, as the login that it has.
func TestTheScalerCountsWhatMoreExecutorsCouldRun(t *testing.T) {
	t.Parallel()
	m := regexp.MustCompile(`(?s)query: >-\n(.*?)\n +targetQueryValue`).FindStringSubmatch(read(t, "kubernetes/scale.yaml"))
	if m == nil {
		t.Fatal("no query")
	}
	db := storetest.New(t)
	db.Exec(`INSERT INTO tagexec.tag_pools (pool, slots, paused) VALUES ('narrow', 2, false), ('still', NULL, true)`)
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag, pool, run_at)
	         SELECT 't', p, now() + later FROM generate_series(1, 5), (VALUES ('default', interval '0'), ('narrow', '0'), ('still', '0'), ('default', '1 h')) v (p, later)`)
	rows := query(t.Context(), t, analyst(t, db), "SELECT ("+strings.ReplaceAll(m[1], "\n", " ")+")::float8 AS n").rows
	storetest.Check(t, "what the scaler counts", rows[0]["n"], 7.0)
}
