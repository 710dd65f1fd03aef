package page_test

import (
	"net/http"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/access"
	"github.com/tagexec/tagexec/store/storetest"
)

// A day is one of the visitor's zone.
func TestFailuresOfADay(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	ran(db, `('a/b', '2026-11-20', 'failed', 1), ('a/b', '2026-11-20', 'failed', 2), ('c', '2026-11-20', 'succeeded', 1)`) // at 06:00 on the day after
	db.Exec(`UPDATE tagexec.tag_jobs SET created_at = x.at, run_at = x.at, started_at = x.at, finished_at = x.at + interval '1 min' FROM (SELECT timestamptz '2026-11-20 23:30Z' AS at) x`)
	s := open(t, db.URL, access.Viewer)
	has(t, s.get("/failures?day=2026-11-20"), http.StatusOK, "2 attempts failed on 2026-11-20, for 1 reason.", "/tags/a%2Fb", "42P01", "no &lt;table&gt;", "day=2026-11-19", "day=2026-11-21",
		"/jobs?ended_since=2026-11-20&amp;ended_until=2026-11-21&amp;pool=default&amp;tag=a%2Fb")
	has(t, s.get("/failures?day=2026-11-20&tz=Europe/Berlin"), http.StatusOK, "No attempt failed on 2026-11-20.")
	has(t, s.get("/failures?day=2026-11-21&tz=Europe/Berlin"), http.StatusOK, "2 attempts failed on 2026-11-21", "tz=Europe%2FBerlin")
	has(t, s.get("/failures"), http.StatusOK, "No attempt failed today.", `!rel="next"`)
	has(t, s.get("/failures?day=2026-11-20&format=csv"), http.StatusOK, "2026-11-20,a/b,default,failed,42P01,2,2,")
}
