package page_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/access"
	"github.com/tagexec/tagexec/store/storetest"
)

// ran inserts jobs that have ended: tag, business date, outcome and seconds of each.
func ran(db *storetest.DB, values string) {
	db.Exec(`ALTER TABLE tagexec.tag_jobs DISABLE TRIGGER check_new_jobs`)
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag, biz_date, state, attempt, failures, created_at, run_at, started_at, finished_at, executor_id, last_outcome, error_code, error)
	         SELECT v.tag, v.biz_date::date, v.state, 1, (v.state = 'failed')::int, t.at, t.at, t.at, t.at + v.seconds * interval '1 s', gen_random_uuid(), CASE v.state WHEN 'failed' THEN 'failed' END,
	                CASE v.state WHEN 'failed' THEN '42P01' END, CASE v.state WHEN 'failed' THEN 'no <table>' END
	           FROM (VALUES ` + values + `) v (tag, biz_date, state, seconds)
	          CROSS JOIN LATERAL (SELECT v.biz_date::date + interval '30 hours' AS at) t`)
	db.Exec(`ALTER TABLE tagexec.tag_jobs ENABLE TRIGGER check_new_jobs`)
}

func TestTagsWithTheirLatestRuns(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := open(t, db.URL, access.Viewer)
	has(t, s.get("/tags"), http.StatusOK, "No job of any tag has ended yet.", "INSERT INTO")
	ran(db, `('a/b', '2026-11-20', 'succeeded', 10), ('a/b', '2026-11-21', 'failed', 20), ('z', '2026-11-20', 'succeeded', 1)`)
	s = open(t, db.URL, access.Viewer)
	has(t, s.get("/tags"), http.StatusOK, "2 tags: the latest attempt of 1 failed.", "/tags/a%2Fb", "2026-11-20", "10 s", "</a> of 2", "no &lt;table&gt;",
		"2 runs, the longest 20 s, 1 failed", `<rect class="bad"`, `<rect class="ok"`)
	has(t, s.get("/tags?from=a/b"), http.StatusOK, "1 tag here, by name", "!a%2Fb</a>", "from the first")
	has(t, s.get("/tags?from=z"), http.StatusOK, "There is no tag after this one.")
	has(t, s.get("/tags?format=csv"), http.StatusOK, "a/b,2,1,10,", "!{")
}

// Where a tag ran for no date between others, there is a hole, in words too.
func TestTagsByBusinessDate(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	ran(db, `('a', '2026-11-20', 'succeeded', 1), ('a', '2026-11-21', 'failed', 1), ('a', '2026-11-23', 'succeeded', 1),
	           ('b', '2026-11-21', 'succeeded', 1), ('b', '2026-11-22', 'succeeded', 1), ('b', '2026-11-23', 'succeeded', 1), ('c', '2026-11-23', 'succeeded', 1)`)
	s := open(t, db.URL, access.Viewer)
	w := s.get("/tags?show=grid")
	has(t, w, http.StatusOK, "1 of 3 tags with holes: a lacks Nov 22.", "a: nothing ended for 2026-11-22", "/jobs?biz_date=2026-11-21&amp;tag=a", `a for 2026-11-21: failed, 1 attempt`)
	if n := strings.Count(w.Body.String(), "before its first date"); n != 1+3 {
		t.Errorf("%d cells lie before the first date of their tag, want 4", n)
	}
	has(t, s.get("/tags?show=grid&format=csv"), http.StatusOK, "a,2026-11-21,failed,1,true")
	db.Exec("DELETE FROM tagexec.tag_jobs WHERE biz_date = '2026-11-22'") // nothing ran for it
	has(t, open(t, db.URL, access.Viewer).get("/tags?show=grid"), http.StatusOK, "2 of 3 tags with holes: a lacks Nov 22; b lacks Nov 22.")
}
