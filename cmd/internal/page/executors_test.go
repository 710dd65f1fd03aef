package page_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/access"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestExecutorsSayWhatTheyDoAndCannot(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := open(t, db.URL, access.Operator)
	has(t, s.get("/executors"), http.StatusOK, "No executor lives", "tagexec serve", "!Last sign")
	db.Exec(`INSERT INTO tagexec.tag_executors (id, hostname, pid, version, workers, kinds, pools, batch, lease_seconds, unavailable)
	         VALUES ('00000000-0000-0000-0000-000000000001', '<h1>', 7, '2', 4, '{sql,http}', '{default}', 'b/1', 3600, '[{"kind": "sql", "resource": "dwh", "since": "2026-11-29T23:00:00Z", "error": "no route"}]'),
	                ('00000000-0000-0000-0000-000000000002', 'h2', 8, '1', 4, '{sql}', NULL, NULL, 3600, NULL),
	                ('00000000-0000-0000-0000-000000000003', 'h3', 9, '1', 4, '{sql}', NULL, NULL, 3600, 'null')`)
	db.Exec(`INSERT INTO tagexec.tag_executors (id, hostname, pid, version, workers, kinds, lease_seconds, heartbeat_at) VALUES ('00000000-0000-0000-0000-000000000004', 'h4', 9, '1', 4, '{sql}', 10, now() - interval '1 hour')`)
	has(t, open(t, db.URL, access.Operator).get("/executors"), http.StatusOK,
		"3 executors live, 0 of 12 workers busy; nothing is heard of 1; their versions differ: 1 on 2, 2 on 1.",
		"&lt;h1&gt;", "cannot use sql dwh", "no route", "sql, http", "/pools/default", "/batches/b%2F1", "differs", "silent", "Drain", "!null")
	const form = "00000000-0000-0000-0000-000000000002"
	s.post("/do/drain-executor", url.Values{"executor": {form}, "reason": {"patches"}, "back": {"/executors"}})
	has(t, s.get("/executors"), http.StatusOK, "drains", "(patches)")
	has(t, s.post("/do/drain-executor", url.Values{"executor": {"x"}, "reason": {"r"}}), http.StatusBadRequest, "An executor has an id")
	has(t, open(t, db.URL, access.Viewer).get("/executors"), http.StatusOK, "drains", "!Drain<")
}

// Those that have ended are listed from place to place, each once.
func TestExecutorsThatHaveEnded(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec(`INSERT INTO tagexec.tag_executors (id, hostname, pid, version, workers, kinds, lease_seconds, started_at, stopped_at, reaped_at)
	         SELECT gen_random_uuid(), 'h' || i || 'h', 1, '', 1, '{sql}', 60, now() - i / 10 * interval '1 min', CASE WHEN i <> 7 THEN now() - (i = 8)::int * interval '2 days' END, CASE i WHEN 7 THEN now() END FROM generate_series(1, 120) i`)
	s := open(t, db.URL, access.Viewer)
	seen := map[string]bool{}
	path := "/executors?which=ended"
	for pages := 0; path != ""; pages++ {
		w := s.get(path)
		has(t, w, http.StatusOK, "119 executors ended in the last 24 hours; 1 of them without a word.")
		for i := 1; i <= 120; i++ {
			if name := fmt.Sprintf("h%dh", i); contains(w, name) {
				if seen[name] {
					t.Errorf("%s is there twice", name)
				}
				seen[name] = true
			}
		}
		if path = next(w, "Older ones"); pages > 3 {
			t.Fatal("there is no end")
		}
	}
	if len(seen) != 120 {
		t.Errorf("%d of 120", len(seen))
	}
	has(t, s.get("/executors?which=ended"), http.StatusOK, "died", "stopped")
}
