package page_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/access"
	"github.com/tagexec/tagexec/store/storetest"
)

// Those of one bulk id are one line, also where others acted meanwhile.
func TestActionsSayWhoDidWhatAndWhy(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := open(t, db.URL, access.Viewer)
	has(t, s.get("/actions"), http.StatusOK, "Nobody has done anything.", "is on record here")
	db.Exec(`INSERT INTO tagexec.tag_operator_actions (at, action, job_ids, reason, ui_user, bulk_id, filter)
	         SELECT now() - i * interval '1 s', 'retry_jobs', ARRAY[i, i + 1], '<b>again</b>', 'olu', '00000000-0000-0000-0000-00000000000b', 'state=failed' FROM generate_series(1, 20) i`)
	db.Exec("UPDATE tagexec.tag_pools SET paused = true, description = $1", strings.Repeat("ü", 100))
	db.Exec(`INSERT INTO tagexec.tag_operator_actions (action, job_ids, reason, ui_user, bulk_id, filter) VALUES ('retry_jobs', '{7}', '<b>again</b>', 'olu', '00000000-0000-0000-0000-00000000000b', 'state=failed')`)
	db.Exec(`INSERT INTO tagexec.tag_operator_actions (action, batch, before, after) VALUES ('cancel_batch', 'a/b', '{"a": [1]}', NULL)`)
	s = open(t, db.URL, access.Viewer)
	has(t, s.get("/actions"), http.StatusOK, "3 actions here; the latest by postgres,", "in 21 parts", "41 jobs: ", "and 38 more", "olu (postgres)", "&lt;b&gt;again", "chosen by <code>state=failed</code>",
		"<b>paused</b> <code>false</code> → <code>true</code>", "ü…", "/batches/a%2Fb", "!<b>again")
	has(t, s.get("/actions?job=7"), http.StatusOK, "on job 7", "in 3 parts", "!cancel batch")
	has(t, s.get("/actions?batch=a/b"), http.StatusOK, "1 action here on batch a/b", "cancel batch", "!retry jobs", "<b>a</b> <code>[1]</code> → <code>–</code>")
	has(t, s.get("/actions?pool=default"), http.StatusOK, "1 action here on pool default, among the latest 20,000", "change pool", "!retry jobs")
	has(t, s.get("/actions?pool=none"), http.StatusOK, "Nobody has done anything on pool none", "Show all actions")
	has(t, s.get("/actions?format=csv&batch=a/b"), http.StatusOK, "cancel_batch,,a/b")
}

// The list goes on from place to place: each action is there, and once.
func TestActionsFromPlaceToPlace(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec(`INSERT INTO tagexec.tag_operator_actions (action, job_id, reason) SELECT 'cancel_job', i, 'because' FROM generate_series(1, 120) i`)
	s := open(t, db.URL, access.Viewer)
	seen := 0
	path := "/actions"
	for pages := 0; path != ""; pages++ {
		w := s.get(path)
		seen += strings.Count(w.Body.String(), ">because<")
		if path = next(w, "Older ones"); pages > 3 {
			t.Fatal("there is no end")
		}
	}
	if seen != 120 {
		t.Errorf("%d of 120", seen)
	}
}
