package page_test

import (
	"html"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/access"
	"github.com/tagexec/tagexec/store/storetest"
)

// batchRan makes batch a/b, whose jobs ran on two executors: seconds from 03:00 to the start
// and to the end of each.
func batchRan(db *storetest.DB, values string) {
	db.Exec("INSERT INTO tagexec.tag_batches (batch) VALUES ('a/b') ON CONFLICT DO NOTHING")
	db.Exec("ALTER TABLE tagexec.tag_jobs DISABLE TRIGGER check_new_jobs")
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag, batch, state, attempt, failures, created_at, run_at, started_at, finished_at, executor_id, last_outcome, error)
	         SELECT v.tag, 'a/b', v.state, 1, (v.state = 'failed')::int, t, t + v.due * interval '1 s', t + v.started * interval '1 s', t + v.ended * interval '1 s', ('00000000-0000-0000-0000-00000000000' || v.executor)::uuid,
	                CASE v.state WHEN 'failed' THEN 'failed' END, CASE v.state WHEN 'failed' THEN 'broken' END
	           FROM (VALUES ` + values + `) v (tag, state, executor, due, started, ended), (SELECT timestamptz '2026-11-22 03:00Z' AS t) z`)
	db.Exec("ALTER TABLE tagexec.tag_jobs ENABLE TRIGGER check_new_jobs")
}

func TestTheGanttOfABatch(t *testing.T) {
	t.Parallel()
	const path = "/batches/a%2Fb/gantt"
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_batches (batch) VALUES ('a/b')")
	s := open(t, db.URL, access.Viewer)
	has(t, s.get(path), http.StatusOK, "No job of a/b has started yet.")
	// Two slots on the first executor, one on the second; on that one nothing was due from 10 to 60.
	batchRan(db, `('one', 'succeeded', 1, 0, 0, 100), ('<two>', 'failed', 1, 0, 0, 40), ('three', 'succeeded', 1, 0, 40, 100), ('four', 'succeeded', 2, 0, 0, 10), ('five', 'succeeded', 2, 60, 60, 80)`)
	s = open(t, db.URL, access.Viewer)
	w := s.get(path)
	has(t, w, http.StatusOK, "a/b: 5 attempts in 1 m 40 s on 3 slots of 2 executors, which were busy for 76 % of it.",
		"2 &lt;two&gt;: failed, 40 s from", "✗", `href="/jobs/1"`, "idle for this batch for 20 s", "begins at the claim", "first half",
		"idle for this batch for 20 s from Nov 22 03:01: no job of the batch was due", "idle for this batch for 50 s from Nov 22 03:00: 1 job", "!<two>")
	if n := strings.Count(w.Body.String(), " last\""); n != 3 {
		t.Errorf("%d bars are outlined, want 3", n)
	}
	has(t, s.get(path+"?from=2026-11-22T03:00:00Z&to=2026-11-22T03:00:20Z"), http.StatusOK, "3 attempts in 20 s on 3 slots", "whole batch", "later", "!>5</a>")
	has(t, s.get(path+"?from=2026-11-21T03:00:00Z&to=2026-11-21T04:00:00Z"), http.StatusOK, "No job of a/b ran from Nov 21 03:00", "Show the whole batch")
	has(t, s.get(path+"?from=2026-11-22T03:00:00Z&to=2026-11-22T03:00:00Z"), http.StatusBadRequest, "the earlier one first")
	has(t, s.get(path+"?format=csv"), http.StatusOK, "job_id,attempt,tag,pool,outcome", "1,1,one,default,succeeded")
}

// What is too short to be seen folds, so that a long batch is one drawing, and none of it is
// lost.
func TestShortJobsFold(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_batches (batch) VALUES ('a/b')")
	batchRan(db, `('long', 'succeeded', 1, 0, 0, 10000)`)
	db.Exec("ALTER TABLE tagexec.tag_jobs DISABLE TRIGGER check_new_jobs")
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag, batch, state, attempt, created_at, run_at, started_at, finished_at, executor_id, last_outcome, failures, error)
	         SELECT 'short', 'a/b', CASE WHEN i IN (0, 1) THEN 'failed' ELSE 'succeeded' END, 1, t, t, t + i * interval '1 s', t + i * interval '1 s' + interval '0.9 s', '00000000-0000-0000-0000-000000000002', CASE WHEN i IN (0, 1) THEN 'failed' END, (i IN (0, 1))::int, CASE WHEN i IN (0, 1) THEN 'x' END FROM generate_series(0, 4999) i, (SELECT timestamptz '2026-11-22 03:00Z' AS t) z`)
	db.Exec("ALTER TABLE tagexec.tag_jobs ENABLE TRIGGER check_new_jobs")
	w := open(t, db.URL, access.Viewer).get("/batches/a%2Fb/gantt")
	has(t, w, http.StatusOK, "5,001 attempts", " short attempts from", ": 2 failed, 0 run", `class="bad"`)
	bars := regexp.MustCompile(`<rect class="(ok|bad|run|off|wait)`).FindAllString(w.Body.String(), -1)
	told := 1 // the long one
	for _, found := range regexp.MustCompile(`([0-9,]+) short attempts from`).FindAllStringSubmatch(w.Body.String(), -1) {
		n, err := strconv.Atoi(strings.ReplaceAll(found[1], ",", ""))
		if err != nil {
			t.Fatal(err)
		}
		told += n
	}
	if len(bars) > 200 || told != 5001 {
		t.Errorf("%d bars stand for %d attempts, want few for 5,001", len(bars), told)
	}
}

// shortRuns makes batch a/b, of which each of so many executors ran so many jobs of 0.6 s, one
// a second.
func shortRuns(db *storetest.DB, jobs, executors int) {
	db.Exec("INSERT INTO tagexec.tag_batches (batch) VALUES ('a/b')")
	db.Exec("ALTER TABLE tagexec.tag_jobs DISABLE TRIGGER check_new_jobs")
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag, batch, state, attempt, created_at, run_at, started_at, finished_at, executor_id)
	         SELECT 'short', 'a/b', 'succeeded', 1, t, t, t + i * interval '1 s', t + i * interval '1 s' + interval '0.6 s', ('00000000-0000-0000-0000-00000000000' || e)::uuid
	           FROM generate_series(1, $1::int) i, generate_series(1, $2::int) e, (SELECT timestamptz '2026-11-22 03:00Z' AS t) z`, jobs, executors)
	db.Exec("ALTER TABLE tagexec.tag_jobs ENABLE TRIGGER check_new_jobs")
}

// However many they are, there are no more bars than a page bears: the shorter ones fold
// first.
func TestManyBarsFold(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	shortRuns(db, 400, 9)
	w := open(t, db.URL, access.Viewer).get("/batches/a%2Fb/gantt")
	has(t, w, http.StatusOK, "3,600 attempts", " short attempts from")
	if n := strings.Count(w.Body.String(), `height="11"`); n < 9 || n > 700 {
		t.Errorf("%d bars, want 9 to 700", n)
	}
}

// A gantt is made of the first attempts of a very large batch, and leads on to the next ones.
func TestAGanttOfTooManyAttemptsLeadsOn(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	shortRuns(db, 10_010, 1)
	s := open(t, db.URL, access.Viewer)
	w := s.get("/batches/a%2Fb/gantt")
	has(t, w, http.StatusOK, "10,010 attempts", "Only the first 10,000 are drawn")
	next := regexp.MustCompile(`drawn: <a href="([^"]+)">`).FindStringSubmatch(w.Body.String())
	if next == nil {
		t.Fatal("no link to the rest")
	}
	has(t, s.get(html.UnescapeString(next[1])), http.StatusOK, "a/b: 11 attempts", "!Only the first")
}

// Where the pool was paused, the gap says by whom.
func TestAGapSaysWhoPausedThePool(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_batches (batch) VALUES ('a/b')")
	batchRan(db, `('one', 'succeeded', 1, 0, 0, 10), ('two', 'succeeded', 1, 0, 90, 100)`)
	db.Exec(`INSERT INTO tagexec.tag_operator_actions (at, action, pool, ui_user, reason, before, after)
	         VALUES ('2026-11-22 03:00:12Z', 'change_pool', 'default', 'bo', 'migration', '{"paused": false}', '{"paused": true}'),
	                ('2026-11-22 03:01:29Z', 'change_pool', 'default', 'bo', '', '{"paused": true}', '{"paused": false}')`)
	has(t, open(t, db.URL, access.Viewer).get("/batches/a%2Fb/gantt"), http.StatusOK, "idle for this batch for 1 m 20 s", "pool default was paused at Nov 22 03:00 by bo (migration)")
}
