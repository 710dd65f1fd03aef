package page_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/store/storetest"
)

// ended makes jobs that have ended: n of a tag, in a batch or in none, as failed ones with
// an error. The later ones ended earlier.
func ended(db *storetest.DB, n int, tag, batch, state string) {
	db.Exec("ALTER TABLE tagexec.tag_jobs DISABLE TRIGGER check_new_jobs")
	db.Exec("INSERT INTO tagexec.tag_batches (batch) SELECT $1 WHERE $1 <> '' ON CONFLICT DO NOTHING", batch)
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag, batch, state, attempt, failures, executor_id, created_at, run_at, started_at, finished_at, last_outcome, error_code, error)
	         SELECT $2, nullif($3, ''), $4, 1, CASE $4 WHEN 'failed' THEN 1 ELSE 0 END, $5, now() - interval '2 h', now() - interval '2 h', now() - interval '1 h' - i * interval '1 s', now() - interval '1 h' - i * interval '1 s',
	                CASE $4 WHEN 'failed' THEN 'failed' END, CASE $4 WHEN 'failed' THEN '42P01' END, CASE $4 WHEN 'failed' THEN 'relation "x" does not exist' END
	           FROM generate_series(1, $1::int) i`, n, tag, batch, state, db.Executor())
}

func TestJobsAreFoundByTheirFilter(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	ended(db, 60, "churn", "b/1", "failed")
	ended(db, 2, "other", "", "succeeded")
	db.Insert(storetest.Row{"tag": "waits", "priority": 3}, storetest.Row{"tag": "first", "priority": 9, "payload": `{"args": [1, "x=y"]}`})
	p := newPage(t, db.URL)
	g := as(t, p, vera)
	for path, texts := range map[string][]string{
		"/jobs":                                                         {"The first 50 jobs, the newest first."},
		"/jobs?state=failed":                                            {"The first 50 failed jobs, the latest to end first.", `<a href="/jobs/1">1</a>`, "42P01", "More</a>"},
		"/jobs?state=failed&tag=other":                                  {"There is no failed job of tag other.", `title="Drop this part of the filter">state <b>failed</b>`, `href="/jobs?state=failed"`, `href="/jobs?tag=other"`},
		"/jobs?state=pending":                                           {"2 pending jobs, in the order in which they are claimed.", "Priority"},
		"/jobs?state=failed,succeeded&batch=b%2F1":                      {"The first 50 failed or succeeded jobs of batch b/1, the newest first.", `<a href="/batches/b%2F1">b/1</a>`},
		"/jobs?state=failed&state=running&tag=churn":                    {`href="/jobs?state=running&amp;tag=churn" title=`, `href="/jobs?state=failed&amp;tag=churn" title=`, `href="/jobs?state=failed&amp;state=running" title=`},
		"/jobs?state=failed&kind=sql&from=2100-01-01T00:00:00Z+1":       {"50 more failed jobs of kind sql", `href="/jobs?kind=sql"`},
		"/jobs?ended_since=90m&tag=it%27s&state=failed&state=cancelled": {`tagexec jobs list --state failed --state cancelled --tag &#39;it&#39;\&#39;&#39;s&#39; --since 90m<`},
		"/jobs?error=RELATION":                                          {"The first 50 jobs"},
		"/jobs?payload=args.1=x%3Dy":                                    {"1 job.", "first", "As SQL", "#&gt;&gt;"},
		"/jobs?ended_since=30m&state=failed":                            {"There is no failed job."},
		"/jobs?ended_since=90m&state=succeeded":                         {"2 succeeded jobs, the newest first."},
		"/jobs?created_since=2000-01-01&tag=other":                      {"2 jobs of tag other"},
		"/jobs?created_until=2000-01-01T03:00":                          {"No job matches."},
		"/jobs?tag=it%27s":                                              {"j.tag = <span class=\"c-string\">&#39;it&#39;&#39;s&#39;</span>"},
		"/jobs?tag=chrun":                                               {"There is no job of tag chrun.", "No job of tag &#34;chrun&#34; has ended, or all were pruned; did you mean churn?"},
		"/jobs?executor=" + db.Executor().String():                      {"No job matches."},
		"/jobs?biz_date=2026-11-22&kind=sql&pool=p":                     {"There is no job in pool p of kind sql for 2026-11-22."},
	} {
		g.get(path).want(http.StatusOK, texts...).lacks("selected</button>", "that match</a>", "&lt;nil&gt;")
	}
	pending := as(t, p, vera).get("/jobs?state=pending").Body
	if strings.Index(pending, ">first<") > strings.Index(pending, ">waits<") {
		t.Error("what is claimed first does not come first")
	}
	for path, text := range map[string]string{
		"/jobs?state=done":             "a job is pending, running",
		"/jobs?biz_date=yesterday":     "a business date looks like",
		"/jobs?executor=etl-1":         "an executor is named by its id",
		"/jobs?ended_since=lately":     "or how long ago",
		"/jobs?payload=x":              "name a field and its value",
		"/jobs?from=x":                 "is no place in the list",
		"/jobs?tag=%00":                "no text in a database has",
		"/jobs?payload=a%00.b=c":       "no text in a database has",
		"/jobs?created_since=99999999": "or how long ago",
	} {
		g.get(path).want(http.StatusBadRequest, text)
	}
	db.Exec("INSERT INTO tagexec.tag_jobs (tag) SELECT 'more' FROM generate_series(1, 60)")
	as(t, newPage(t, db.URL), vera).get("/jobs?state=pending").want(http.StatusOK, "The first 50 pending jobs, in the order", `href="/jobs?rows=200&amp;state=pending" rel="next">Show 200 of them`)
	g.get("/jobs?state=pending&rows=200").want(http.StatusOK, "62 pending jobs").lacks("rel=\"next\"")
	as(t, p, olu).get("/jobs?state=failed").want(http.StatusOK, "Cancel selected", "Retry selected", "Retry all that match").lacks("Cancel all that match")
	as(t, p, olu).get("/jobs").want(http.StatusOK, "Retry selected").lacks("all that match")
}

var nextPage = regexp.MustCompile(`href="([^"]+)" rel="next"`)

// next is where a list goes on; "" if it ends.
func (a answer) next() string {
	if m := nextPage.FindStringSubmatch(a.Body); m != nil {
		return html.UnescapeString(m[1])
	}
	return ""
}

var jobLink = regexp.MustCompile(`href="/jobs/(\d+)`)

func TestPagesOfJobsHoldEachOnce(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	ended(db, 120, "churn", "b", "failed")
	g := as(t, newPage(t, db.URL), vera)
	for _, path := range []string{"/jobs?state=failed", "/jobs?batch=b", "/jobs?tag=churn&state=failed&ended_until=1m", "/jobs"} {
		seen := map[string]bool{}
		n := 0
		for ; path != "" && n < 200; path = g.get(path).next() {
			for _, m := range jobLink.FindAllStringSubmatch(g.get(path).want(http.StatusOK).Body, -1) {
				seen[m[1]] = true
				n++
			}
		}
		if len(seen) != 120 || n != 120 {
			t.Errorf("%d jobs, %d of them different", n, len(seen))
		}
	}
}

// What no index leads to is looked for a while; the page says how far, and goes on.
func TestLookingFurther(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Insert(storetest.Row{"tag": "needle"})
	db.Exec("ALTER TABLE tagexec.tag_jobs DISABLE TRIGGER check_new_jobs")
	db.Exec("INSERT INTO tagexec.tag_jobs (tag) SELECT 'hay' FROM generate_series(1, 90000)")
	db.Exec("ANALYZE tagexec.tag_jobs")
	g := as(t, newPage(t, db.URL), vera)
	a := g.get("/jobs?tag=needle").want(http.StatusOK, "Looked at the newest ", "back to ", "0 match", "Look further", "None of these matches")
	for i := 0; a.next() != "" && i < 100; i++ {
		a = g.get(a.next()).want(http.StatusOK)
	}
	a.want(http.StatusOK, `<a href="/jobs/1">1</a>`, "1 more job of tag needle.")
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

// fields are the hidden fields of a form, as name, value, name, value.
func (a answer) fields() (pairs []string) {
	_, form, _ := strings.Cut(a.Body, `<form method="post"`)
	_, form, _ = strings.Cut(form, `<form method="post"`) // after that of the settings
	for _, m := range hiddenField.FindAllStringSubmatch(form, -1) {
		pairs = append(pairs, m[1], html.UnescapeString(m[2]))
	}
	return pairs
}

// finish sends the form of a deed, and goes on until it is done. It returns what was said.
func (g *guest) finish(form answer) string {
	g.t.Helper()
	path := strings.Fields(form.asked)[1]
	a := g.post(path, append(form.fields(), "reason", "because")...)
	for i := 0; a.Code == http.StatusOK && i < 100; i++ {
		a.want(http.StatusOK, "So far", "Go on", "Stop")
		a = g.post(path, a.fields()...)
	}
	a.want(http.StatusSeeOther)
	page := g.get(a.Header.Get("Location"))
	_, said, _ := strings.Cut(page.Body, `role="status">`)
	said, _, _ = strings.Cut(said, "<")
	return said
}

// All that match are retried in chunks, each on record with its jobs, and all as one. What
// has come since, or has failed again since, is not touched.
func TestAllThatMatchAreRetried(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	ended(db, 1203, "churn", "b", "failed")
	ended(db, 3, "churn", "", "failed")
	ended(db, 3, "churn", "b", "succeeded")
	g := as(t, newPage(t, db.URL), olu)
	form := g.get("/do/retry-jobs?batch=b&state=failed&error=42P01&back=/jobs").want(http.StatusOK, "1,000&#43; jobs match now: failed jobs of batch b", "job 1203 churn is failed 42P01", "and 996 more")
	ended(db, 2, "late", "b", "failed")
	db.Exec("UPDATE tagexec.tag_jobs SET (created_at, run_at, started_at, finished_at) = (SELECT now, now, now, now FROM clock_timestamp() now) WHERE tag = 'late'")
	db.Exec("UPDATE tagexec.tag_jobs SET finished_at = clock_timestamp() WHERE id = 7")
	if said := g.finish(form); said != "1,202 of 1,203 jobs are pending again; the others were not in a state for it." {
		t.Errorf("it said %q", said)
	}
	if n := storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_jobs WHERE state = 'pending' AND batch = 'b' AND tag = 'churn'"); n != 1202 {
		t.Errorf("%d jobs are pending", n)
	}
	type action = string
	got := storetest.All[action](db, "SELECT concat_ws('|', action, cardinality(job_ids), reason, ui_user, filter) FROM tagexec.tag_operator_actions ORDER BY id")
	want := []string{"retry_jobs|500|because|olu|", "retry_jobs|500|because|olu|", "retry_jobs|202|because|olu|"}
	for i := range want {
		want[i] += "state=failed&batch=b&error=42P01"
	}
	if !slices.Equal(got, want) {
		t.Errorf("on record is %q, want %q", got, want)
	}
	if n := storetest.One[int](db, "SELECT count(DISTINCT bulk_id) FROM tagexec.tag_operator_actions"); n != 1 {
		t.Errorf("it is on record as %d actions", n)
	}
}

// A filter that names no state means those that the deed is for. It goes on from page to
// page, also past a job that has gone on meanwhile.
func TestAFilterWithoutAState(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	ended(db, 700, "churn", "", "failed")
	ended(db, 5, "churn", "", "cancelled")
	ended(db, 3, "churn", "", "succeeded")
	g := as(t, newPage(t, db.URL), olu)
	form := g.get("/do/retry-jobs?tag=churn").want(http.StatusOK, "705 jobs match now: failed or cancelled jobs of tag churn")
	db.Exec("UPDATE tagexec.tag_jobs SET finished_at = clock_timestamp() WHERE id = 700")
	if said := g.finish(form); said != "704 of 705 jobs are pending again; the others were not in a state for it." {
		t.Errorf("it said %q", said)
	}
	if n := storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_jobs WHERE state = 'succeeded'"); n != 3 {
		t.Errorf("%d jobs are as they were", n)
	}
}

// The form of a deed that is not done yet has all that the next part of it needs.
func TestADeedGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	ended(db, 20, "churn", "b", "failed")
	g := as(t, newPage(t, db.URL), olu)
	const bulk = "00000000-0000-0000-0000-00000000000b"
	by := storetest.One[string](db, "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
	g.post("/do/retry-jobs", "batch", "b", "reason", "because", "by", by, "bulk", bulk, "from", by+" 8", "touched", "12", "looked", "13").want(http.StatusSeeOther)
	g.get("/jobs").want(http.StatusOK, "19 of 20 jobs are pending again")
	if got := storetest.All[string](db, "SELECT bulk_id || ' ' || cardinality(job_ids) FROM tagexec.tag_operator_actions"); !slices.Equal(got, []string{bulk + " 7"}) {
		t.Errorf("on record is %q", got)
	}
}

// A list in the order of the claim has no next page, and is given as CSV all the same.
func TestAllThatWaitsAsCSV(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_jobs (tag, priority) SELECT 'waits', i % 10 FROM generate_series(1, 1500) i")
	a := as(t, newPage(t, db.URL), vera).get("/jobs?state=pending&format=csv").want(http.StatusOK)
	if lines := strings.Split(strings.TrimSpace(a.Body), "\n"); len(lines) != 1501 || !strings.HasPrefix(lines[1], "9,waits") {
		t.Errorf("%d lines, the first is %s", len(lines), lines[1])
	}
}

// Jobs that were selected are cancelled in one action. One that has ended is left alone.
func TestSelectedJobsAreCancelled(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	ids := db.Insert(storetest.Row{}, storetest.Row{}, storetest.Row{}, storetest.Row{})
	db.Exec("SELECT tagexec.cancel_job($1)", ids[1])
	g := as(t, newPage(t, db.URL), olu)
	form := g.get(fmt.Sprintf("/do/cancel-jobs?job=%d&job=%d&job=%d", ids[0], ids[1], ids[2])).want(http.StatusOK, "Cancel 3 jobs", "is cancelled", "is pending")
	if said := g.finish(form); said != "2 of 3 jobs are cancelled, or asked to stop; the others were not in a state for it." {
		t.Errorf("it said %q", said)
	}
	if state := db.State(ids[3]); state != "pending" {
		t.Errorf("a job that was not selected is %s", state)
	}
	if said := g.finish(g.get("/do/retry-jobs?job=2").want(http.StatusOK, "Retry job 2")); said != "1 job is pending again." {
		t.Errorf("it said %q", said)
	}
}

func TestDeedsOnJobsThatCannotBe(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Insert(storetest.Row{})
	p := newPage(t, db.URL)
	g := as(t, p, olu)
	many := url.Values{}
	for i := range 501 {
		many.Add("job", strconv.Itoa(i+1))
	}
	for path, text := range map[string]string{
		"/do/retry-jobs":                   "no job is selected",
		"/do/retry-jobs?state=running":     "Retry takes jobs that are failed",
		"/do/cancel-jobs?job=x":            "a job is named by its number",
		"/do/cancel-jobs?" + many.Encode(): "at most 500 are chosen one by one",
	} {
		if got := g.get(path).want(http.StatusBadRequest); !strings.Contains(strings.ToLower(got.Body), strings.ToLower(text)) {
			t.Errorf("%s is not in\n%s", text, got.Body)
		}
	}
	g.get("/do/retry-jobs?job=77").want(http.StatusNotFound, "There is no job 77: it was pruned or never existed.")
	g.post("/do/cancel-jobs", "job", "1").want(http.StatusOK, "Say why")
	as(t, p, vera).post("/do/cancel-jobs", "job", "1", "reason", "x").want(http.StatusForbidden)
	if state := db.State(1); state != "pending" {
		t.Errorf("it is %s", state)
	}
	if said := g.finish(g.get("/do/retry-jobs?tag=none").want(http.StatusOK, "0 jobs match now")); said != "No job matches any more; nothing was done." {
		t.Errorf("it said %q", said)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	ended(db, 1, "churn/1", "nightly:1?", "succeeded")
	ended(db, 1, "churn2", "nightly:2", "succeeded")
	db.Exec("INSERT INTO tagexec.tag_pools (pool) VALUES ('warehouse')")
	db.Exec("INSERT INTO tagexec.tag_batches (batch, created_at) SELECT 'old' || i || '-x', now() + i * interval '1 s' FROM generate_series(1, 2001) i")
	g := as(t, newPage(t, db.URL), vera)
	for typed, path := range map[string]string{
		"42": "/jobs/42", " #42 ": "/jobs/42", "nightly:1?": "/batches/nightly:1%3F", "warehouse": "/pools/warehouse", "churn/1": "/tags/churn%2F1", "old1-x": "/batches/old1-x",
	} {
		if got := g.get("/find?q=" + url.QueryEscape(typed)).want(http.StatusSeeOther).Header.Get("Location"); got != path {
			t.Errorf("%q leads to %s", typed, got)
		}
	}
	g.get("/find?q=old200").want(http.StatusOK, "3 names begin with old200.", `href="/batches/old2001-x"`).lacks("churn")
	g.get("/find?q=churn").want(http.StatusOK, "2 names begin with churn.", `href="/tags/churn%2F1"`)
	g.get("/find?q=%3Cb%3E").want(http.StatusOK, "Nothing begins with &lt;b&gt;.")
	g.get("/find?q=").want(http.StatusOK, "What do you look for?")
	g.get("/find?q=%00").want(http.StatusBadRequest)
}
