package page_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// claimed is a job that runs, and who runs it.
func claimed(t *testing.T, db *storetest.DB, row storetest.Row) (*storetest.Claimer, store.Job) {
	t.Helper()
	db.Insert(row)
	c := db.Claimer(store.Executor{Workers: 4})
	jobs := c.MustClaim(t, 1)
	if len(jobs) != 1 {
		t.Fatalf("claimed %d jobs", len(jobs))
	}
	return c, jobs[0]
}

// end records how an attempt ended and what it printed, in whole or with its middle left out.
func end(t *testing.T, c *storetest.Claimer, j store.Job, output string, bytes int64) {
	t.Helper()
	if fates := c.MustRecord(t, store.Result{Claim: j.Claim, Outcome: store.Succeeded, Output: output, OutputBytes: bytes}); fates[0] != store.Applied {
		t.Fatalf("fate %q", fates[0])
	}
}

// show lets an executor show what a running attempt printed from a byte on.
func show(db *storetest.DB, j store.Job, from int, chunk string) {
	storetest.One[bool](db, "SELECT tagexec.append_live_output($1, $2, $3, $4, $5, $6)", j.ID, j.Attempt, j.Executor, from, chunk, from+len(chunk))
}

func TestAJobTellsAllOfItself(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Insert(
		storetest.Row{"tag": "churn/1", "batch": "b 1", "payload": `{"statement": "SELECT 1 -- <b>", "args": [12345678901234567890123456789]}`, "mutex_key": "eu", "priority": 9},
		storetest.Row{"tag": "other", "mutex_key": "eu"}, storetest.Row{"tag": "alone"},
	)
	p := newPage(t, db.URL)
	g := as(t, p, olu)
	g.get("/jobs/1").want(http.StatusOK, `<h1 class="sentence">Job 1 (churn/1): No live executor for kind sql and pool default.</h1>`, `href="/tags/churn%2F1"`, `href="/batches/b%201"`,
		"12345678901234567890123456789", `<span class="c-word">SELECT</span>`, "-- &lt;b&gt;", "Who shares its mutex key", `href="/jobs/2"`, `data-key="c"`, "No attempt has ended").lacks(`data-key="r"`, "data-follow")
	g.get("/jobs/3").want(http.StatusOK).lacks("mutex key")
	g.post("/do/cancel-jobs", "job", "1", "reason", "wrong date").want(http.StatusSeeOther)
	g.get("/jobs/1").want(http.StatusOK, "olu as", "wrong date", `data-key="r"`).lacks(`data-key="c"`)

	g = as(t, newPage(t, db.URL), olu) // which remembers nothing
	c := db.Claimer(store.Executor{Workers: 4})
	j := c.MustClaim(t, 1)[0] // the other one holds the key now
	g.get(fmt.Sprintf("/jobs/%d", j.ID)).want(http.StatusOK, "Running on test (process 1)", `data-follow="/jobs/2/output?attempt=1"`, "Output so far", "No other job runs or waits with it.")
	c.MustRecord(t, store.Result{Claim: j.Claim, Outcome: store.Failed, Delay: time.Hour, ErrorCode: "42P01", Error: `relation "<x>" does not exist`, Output: "line 1\nline 2\n", OutputBytes: 14})
	p = newPage(t, db.URL)
	g = as(t, p, olu)
	g.get("/jobs/2").want(http.StatusOK, "(failure 1 of 3: [42P01] relation", "&lt;x&gt;", "line 1\nline 2\n", "14 bytes", "attempt 1 begins on test", `data-key="r"`).lacks("data-follow")

	as(t, p, vera).get("/jobs/2").want(http.StatusOK, "line 2").lacks(`data-key="`)
	g.get("/jobs/2?format=csv").want(http.StatusOK, "job_id,attempt,outcome", "failed")
	g.get("/jobs/77").want(http.StatusNotFound, "There is no job 77: it was pruned or never existed.")
	g.get("/jobs/77/output").want(http.StatusNotFound, "There is no job 77")
	g.get("/jobs/1?attempt=4").want(http.StatusNotFound, "Job 1 has no attempt 4")
	g.get("/jobs/1/output?attempt=1").want(http.StatusNotFound, "has no attempt 1 that has ended")
	g.get("/jobs/x").want(http.StatusBadRequest, "such as 42")
	g.get("/jobs/2/output?from=-1").want(http.StatusBadRequest)
}

// Who may not read payloads sees the rest of a job.
func TestAnalystsSeeAJobWithoutItsContent(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c, j := claimed(t, db, storetest.Row{"tag": "a", "payload": `{"statement": "SELECT secret"}`})
	end(t, c, j, "hush", 4)
	_, url := db.Login("tagexec_analyst")
	g := as(t, newPage(t, url), olu)
	g.get("/jobs/1").want(http.StatusOK, "Succeeded at", "members of tagexec_viewer", "4 bytes").lacks("secret", "hush", `data-key="`, "Raw")
	g.get("/jobs/1/output").want(http.StatusForbidden, "tagexec_viewer").lacks("hush")
	g.get("/jobs?payload=statement=x").want(http.StatusForbidden, "tagexec_viewer")
	g.get("/jobs").want(http.StatusOK).lacks("Payload, field=value")
}

// A long output begins with its end; all that is kept is one link away.
func TestALongOutput(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c, j := claimed(t, db, storetest.Row{})
	lines := "first\n" + strings.Repeat("a line like any other\n", 1000) + "last <b>"
	end(t, c, j, lines, int64(len(lines)))
	g := as(t, newPage(t, db.URL), vera)
	g.get("/jobs/1").want(http.StatusOK, "last &lt;b&gt;", "All that is kept", "22,014 bytes", `class="output wrap"`).lacks("first\n")
	g.get("/jobs/1?output=whole&wrap=0").want(http.StatusOK, "first\n", "last &lt;b&gt;", "Only the end", `class="output"`)
	if raw := g.get("/jobs/1/output?attempt=1").want(http.StatusOK); raw.Body != lines || raw.Header.Get("Content-Type") != "text/plain; charset=utf-8" || raw.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("got %d bytes as %q", len(raw.Body), raw.Header)
	}
}

// follower reads an output as the page's script does.
type follower struct {
	*guest
	path, shown, next string
	ended             bool
}

func (f *follower) ask() {
	f.t.Helper()
	a := f.get(f.path + "&from=" + f.next).want(http.StatusOK)
	if a.Header.Get("Tagexec-From") != f.next {
		f.shown = ""
	}
	f.shown += a.Body
	f.next, f.ended = a.Header.Get("Tagexec-Next"), a.Header.Get("Tagexec-Ended") == "true"
}

// Whenever somebody asks, and whatever of the output was kept: in the end what was shown is
// the record, or that with its middle, and nothing is lost or there twice.
func TestOutputIsFollowedToItsEnd(t *testing.T) {
	t.Parallel()
	head, middle, tail := strings.Repeat("head\n", 20), strings.Repeat("middle\n", 30), strings.Repeat("tail\n", 20)
	all := head + middle + tail
	cut := head + fmt.Sprintf("\n… %d bytes left out …\n", len(middle)) + tail
	for name, test := range map[string]struct {
		record string
		live   []string
		forget bool // what was shown live
		want   string
	}{
		"all is kept":                         {all, []string{head, "middle\n"}, false, all},
		"all is kept, and forgotten live":     {all, []string{head, "middle\n"}, true, all},
		"all was shown":                       {all, []string{head, middle, tail}, false, all},
		"the middle was shown":                {cut, []string{head, middle}, false, all},
		"a part of the tail was shown":        {cut, []string{head, middle + "tail\n"}, false, all},
		"the middle was not shown":            {cut, []string{head}, false, cut},
		"most of the middle is lost":          {cut, []string{head, "middle\n"}, false, head + "middle\n" + "\n… 203 bytes were neither shown nor recorded …\n" + tail},
		"what was shown is forgotten":         {cut, []string{head, middle}, true, cut},
		"a little was shown and is forgotten": {cut, []string{head, "middle\n"}, true, cut},
		"nothing was shown":                   {cut, nil, false, cut},
		"it is another output":                {"something else", []string{head}, false, "something else"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			c, j := claimed(t, db, storetest.Row{})
			bytes := int64(len(all))
			if name == "it is another output" {
				bytes = 14
			}
			f := &follower{guest: as(t, newPage(t, db.URL), vera), path: "/jobs/1/output?attempt=1", next: "0"}
			f.ask()
			at := 0
			for _, chunk := range test.live {
				show(db, j, at, chunk)
				at += len(chunk)
				f.ask()
				f.ask() // nothing new
			}
			if n := storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_output_watches"); n != 1 {
				t.Errorf("%d watches", n)
			}
			if f.ended || f.shown != strings.Join(test.live, "") {
				t.Errorf("ended %t, shown %q", f.ended, f.shown)
			}
			end(t, c, j, test.record, bytes)
			if test.forget {
				db.Exec("DELETE FROM tagexec.tag_live_output")
			}
			if f.ask(); !f.ended || f.shown != test.want {
				t.Errorf("ended %t, got %q, want %q", f.ended, f.shown, test.want)
			}
			if raw := f.get(f.path).Body; raw != test.record {
				t.Errorf("the record is %q, got %q", test.record, raw)
			}
		})
	}
}

// Without JavaScript the first bytes are waited for.
func TestOutputSoFarWaitsForTheFirstBytes(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	_, j := claimed(t, db, storetest.Row{})
	g := as(t, newPage(t, db.URL), vera)
	done := make(chan answer)
	go func() { done <- g.get("/jobs/1/output?attempt=1") }()
	storetest.Eventually(t, "somebody watches", func() bool { return storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_output_watches") == 1 })
	show(db, j, 0, "here it is\n")
	if a := <-done; a.Body != "here it is\n" {
		t.Errorf("got %q", a.Body)
	}
}

// A server that cannot be written to shows no output live, and says so.
func TestWatchingNeedsThePrimary(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c, j := claimed(t, db, storetest.Row{})
	name, url := db.Login("tagexec_viewer")
	db.Exec("ALTER ROLE " + name + " SET default_transaction_read_only = on")
	g := as(t, newPage(t, url), vera)
	if a := g.get("/jobs/1/output?attempt=1&from=0").want(http.StatusOK); a.Body != "" || !strings.Contains(a.Header.Get("Tagexec-Note"), "needs the primary server") {
		t.Errorf("got %q with %q", a.Body, a.Header)
	}
	end(t, c, j, "all of it", 9)
	if a := g.get("/jobs/1/output?attempt=1&from=0").want(http.StatusOK); a.Body != "all of it" {
		t.Errorf("got %q", a.Body)
	}
}
