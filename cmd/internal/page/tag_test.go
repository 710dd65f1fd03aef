package page_test

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/access"
	"github.com/tagexec/tagexec/store/storetest"
)

// The SQL of a table brings its rows, also when somebody asks it by hand for a tag whose
// name is made to end a literal.
func TestATagWithItsDaysAndRuns(t *testing.T) {
	t.Parallel()
	const hostile, path = `it's \' @tag`, "/tags/it%27s%20%5C%27%20@tag"
	db := storetest.New(t)
	db.Exec(`INSERT INTO tagexec.tag_batches (batch) VALUES ('a/b')`)
	db.Exec(`ALTER TABLE tagexec.tag_jobs DISABLE TRIGGER check_new_jobs`)
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag, batch, state, attempt, failures, created_at, run_at, started_at, finished_at, executor_id, last_outcome, error)
	         SELECT $1, 'a/b', s, 1, (s = 'failed')::int, t, t, t + interval '10 s', t + interval '40 s', gen_random_uuid(), CASE s WHEN 'failed' THEN s END, CASE s WHEN 'failed' THEN '<i>' END
	           FROM (SELECT now() - i * interval '1 day' - interval '1 min' AS t, CASE i WHEN 2 THEN 'failed' ELSE 'succeeded' END AS s FROM generate_series(0, 4) i) x`, hostile)
	s := open(t, db.URL, access.Viewer)
	w := s.get(path)
	has(t, w, http.StatusOK, "ran on 5 of 30 days, succeeded on 4 of them, median 30 s, 1 failure in 5 attempts", "1 failed; ran 30 s", "✗1", "/batches/a%2Fb", "&lt;i&gt;", "!<i>", "days=90")
	if n := strings.Count(w.Body.String(), "19 of 20 up to"); n != 5 {
		t.Errorf("the chart has %d days, want 5", n)
	}
	for id, rows := range map[string]int{"sql-days": 5, "sql-runs": 5} {
		sql := regexp.MustCompile(`(?s)<pre id="` + id + `">(.*?)</pre>`).FindStringSubmatch(w.Body.String())
		if sql == nil {
			t.Fatalf("there is no %s", id)
		}
		zone, question, _ := strings.Cut(html.UnescapeString(sql[1]), "\n")
		if zone != "SET timezone = 'UTC';" {
			t.Errorf("%s begins with %s", id, zone)
		}
		if n := db.Exec(question); n != int64(rows) {
			t.Errorf("%s has %d rows, want %d:\n%s", id, n, rows, question)
		}
	}
	has(t, s.get(path+"?days=2"), http.StatusOK, "ran on 2 of 2 days, succeeded on")
	has(t, s.get(path+"?format=csv&days=2"), http.StatusOK, "day,attempts,failures")
	db.Exec("UPDATE tagexec.tag_jobs SET created_at = created_at - interval '1 year', run_at = run_at - interval '1 year', started_at = started_at - interval '1 year', finished_at = finished_at - interval '1 year'")
	has(t, open(t, db.URL, access.Viewer).get(path), http.StatusOK, "has ended in the last 30 days.", "Latest runs")
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag, state, attempt, created_at, run_at, started_at, finished_at, executor_id)
	         SELECT 'often', 'succeeded', 1, t, t, t, t, gen_random_uuid() FROM (SELECT now() - i * interval '1 min' AS t FROM generate_series(1, 2500) i) x`)
	const first = "Only the latest 1,500 attempts were looked at."
	has(t, s.get("/tags/often"), http.StatusOK, "in 1,500 attempts", first, "further=yes")
	has(t, s.get("/tags/often?further=yes"), http.StatusOK, "in 2,500 attempts", "!"+first)
	has(t, s.get("/tags/none"), http.StatusNotFound, "No job of tag")
	has(t, s.get("/tags/oftne"), http.StatusNotFound, "No job of tag &#34;oftne&#34; has ended, or all were pruned; did you mean often?")
	has(t, s.get("/batches/a"), http.StatusNotFound, "There is no batch &#34;a&#34;; did you mean a/b?")
	has(t, s.get("/batches/1/gantt"), http.StatusNotFound, "There is no batch &#34;1&#34;: 1 is a job of batch &#34;a/b&#34; (tagexec jobs show 1).")
	has(t, s.get("/tags/none?days=400"), http.StatusBadRequest, "from 1 to 366")
}
