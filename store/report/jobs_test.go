package report_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/store/report"
	"github.com/tagexec/tagexec/store/storetest"
)

// mixed is 3,000 jobs of all states, many of which ended at the same moment.
const mixed = `
INSERT INTO tagexec.tag_jobs (tag, biz_date, payload, kind, pool, batch, created_at, run_at, state, attempt, failures, executor_id, started_at, finished_at, deadline_at, last_outcome, error_code, error)
SELECT 'tag ' || i % 3, '2026-11-20'::date + i % 5, jsonb_build_object('a', jsonb_build_array(i % 6)), CASE i % 4 WHEN 0 THEN 'http' ELSE 'sql' END, CASE i % 2 WHEN 0 THEN 'even' ELSE 'default' END, CASE WHEN i % 10 = 0 THEN 'b' END, at, at, s,
       CASE s WHEN 'pending' THEN 0 ELSE 1 END, CASE s WHEN 'failed' THEN 1 ELSE 0 END, CASE WHEN s <> 'pending' THEN $1::uuid END,
       CASE WHEN s <> 'pending' THEN at END, CASE WHEN s IN ('succeeded', 'failed', 'cancelled') THEN date_trunc('minute', at) + interval '1 min' END,
       CASE WHEN s = 'running' THEN now() + interval '1 hour' END, CASE s WHEN 'failed' THEN 'failed' END,
       CASE s WHEN 'failed' THEN '42P01' END, CASE s WHEN 'failed' THEN 'Relation "' || i % 5 || '" does not exist' END
  FROM (SELECT i, now() - interval '3000 s' + i * interval '1 s' AS at, (ARRAY['pending', 'running', 'succeeded', 'succeeded', 'failed', 'cancelled', 'succeeded'])[i % 7 + 1] AS s
          FROM generate_series(1, 3000) i) g`

// Whoever goes from page to page sees each job that matches once, in every order.
func TestPagesHoldEachJobOnce(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_pools (pool) VALUES ('even')")
	db.Exec("ALTER TABLE tagexec.tag_jobs DISABLE TRIGGER check_new_jobs")
	db.Exec("INSERT INTO tagexec.tag_batches (batch) VALUES ('b')")
	executor := db.Executor()
	db.Exec(mixed, executor)
	r := open(t, db.URL)
	since := storetest.One[time.Time](db, "SELECT now() - interval '20 min'")
	until := since.Add(5 * time.Minute)
	minute := since.Truncate(time.Minute) // at which many ended
	for where, f := range map[string]report.JobFilter{
		"true":              {},
		"state = 'failed'":  {States: []string{"failed"}},
		"state = 'pending'": {States: []string{"pending"}},
		"state = 'running'": {States: []string{"running"}},
		"tag = 'tag 1'":     {Tag: "tag 1"},
		"batch = 'b'":       {Batch: "b"},
		"kind = 'http'":     {Kind: "http"},
		"pool = 'even'":     {Pool: "even"},
		"state IN ('succeeded', 'failed') AND tag = 'tag 2'":                                       {States: []string{"succeeded", "failed"}, Tag: "tag 2"},
		"state = 'failed' AND tag = 'tag 2' AND pool = 'even'":                                     {States: []string{"failed"}, Tag: "tag 2", Pool: "even"},
		"batch = 'b' AND state = 'succeeded'":                                                      {Batch: "b", States: []string{"succeeded"}},
		`lower(error) LIKE '%relation "3"%'`:                                                       {Error: `RELATION "3"`},
		"error_code = '42P01' AND state = 'failed'":                                                {Error: "42p01", States: []string{"failed"}},
		"biz_date = '2026-11-22'":                                                                  {BizDate: "2026-11-22"},
		fmt.Sprintf("executor_id = '%s'", executor):                                                {Executor: executor.String()},
		"payload #>> '{a,0}' = '3'":                                                                {Payload: &report.InPayload{Path: []string{"a", "0"}, Value: "3"}},
		"payload #>> '{a,0}' = '4' AND state = 'pending'":                                          {Payload: &report.InPayload{Path: []string{"a", "0"}, Value: "4"}, States: []string{"pending"}},
		fmt.Sprintf("created_at BETWEEN '%s' AND '%s'", stamp(since), stamp(until)):                {CreatedSince: since, CreatedUntil: until},
		fmt.Sprintf("coalesce(finished_at, started_at, created_at) < '%s'", stamp(since)):          {Until: since},
		fmt.Sprintf("state = 'failed' AND finished_at < '%s'", stamp(minute)):                      {Until: minute, States: []string{"failed"}},
		fmt.Sprintf("state = 'failed' AND tag = 'tag 1' AND finished_at < '%s'", stamp(minute)):    {Until: minute, States: []string{"failed"}, Tag: "tag 1"},
		fmt.Sprintf("state = 'succeeded' AND tag = 'tag 1' AND finished_at < '%s'", stamp(minute)): {Until: minute, States: []string{"succeeded"}, Tag: "tag 1"},
		fmt.Sprintf("coalesce(finished_at, started_at, created_at) >= '%s'", stamp(since)):         {Since: since},
		fmt.Sprintf("state = 'failed' AND finished_at >= '%s'", stamp(since)):                      {Since: since, States: []string{"failed"}},
		fmt.Sprintf("state = 'failed' AND tag = 'tag 0' AND finished_at >= '%s'", stamp(since)):    {Since: since, States: []string{"failed"}, Tag: "tag 0"},
		fmt.Sprintf("state = 'succeeded' AND tag = 'tag 0' AND finished_at >= '%s'", stamp(since)): {
			Since: since, States: []string{"succeeded"}, Tag: "tag 0"},
	} {
		want := storetest.All[int64](db, "SELECT id FROM tagexec.tag_jobs WHERE "+where+" ORDER BY id")
		var got []int64
		for from, pages := (*report.Place)(nil), 0; pages == 0 || from != nil; pages++ {
			page, err := r.AllJobs(t.Context(), f, from, 70)
			if err != nil || pages > 100 {
				t.Fatalf("%s, page %d: %v", where, pages, err)
			}
			for _, j := range page.Jobs {
				got = append(got, j.ID)
			}
			from = page.Next
		}
		slices.Sort(got)
		if len(want) == 0 || !slices.Equal(got, want) {
			t.Errorf("%s: %d jobs, want %d", where, len(got), len(want))
		}
		if byHand := storetest.All[int64](db, "SELECT s.id FROM ("+strings.TrimSuffix(report.SQLOfJobs(f), "LIMIT 50")+") s ORDER BY 1"); !slices.Equal(byHand, want) {
			t.Errorf("%s: %d jobs by hand, want %d:\n%s", where, len(byHand), len(want), report.SQLOfJobs(f))
		}
		page, err := r.Jobs(t.Context(), f, nil, 5000)
		if err != nil || page.Looked == nil && len(page.Jobs) != len(want) { // on a busy machine it may end early, and says so
			t.Errorf("%s: %d jobs at once, want %d; %v, %v", where, len(page.Jobs), len(want), page.Looked, err)
		}
	}
}

func stamp(t time.Time) string { return t.Format(time.RFC3339Nano) }

// first returns the tags of the first jobs that match.
func first(t *testing.T, r *report.Reader, f report.JobFilter) []string {
	t.Helper()
	page, err := r.Jobs(t.Context(), f, nil, 10)
	if err != nil {
		t.Fatal(err)
	}
	var tags []string
	for _, j := range page.Jobs {
		tags = append(tags, j.Tag)
	}
	return tags
}

func TestWaitingJobsComeInTheOrderOfTheirClaim(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_pools (pool) VALUES ('other')")
	db.Insert(
		storetest.Row{"tag": "last", "priority": 1},
		storetest.Row{"tag": "keyed", "priority": 8, "mutex_key": "k"},
		storetest.Row{"tag": "usual"},
		storetest.Row{"tag": "first", "priority": 9, "pool": "other"},
		storetest.Row{"tag": "later", "priority": 9, "run_at": "2100-01-01"},
	)
	r := open(t, db.URL)
	if got, want := first(t, r, report.JobFilter{States: []string{"pending"}}), []string{"first", "later", "keyed", "usual", "last"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := first(t, r, report.JobFilter{States: []string{"pending"}, Pool: "other"}), []string{"first"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := first(t, r, report.JobFilter{}), []string{"later", "first", "usual", "keyed", "last"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What no index leads to is looked for so far, and no further until somebody asks.
func TestLookingBackEndsAndSaysWhere(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("ALTER TABLE tagexec.tag_jobs DISABLE TRIGGER check_new_jobs")
	db.Insert(storetest.Row{"tag": "needle"})
	db.Exec("INSERT INTO tagexec.tag_jobs (tag) SELECT 'hay' FROM generate_series(1, 90000)")
	db.Exec("ANALYZE tagexec.tag_jobs")
	r := open(t, db.URL)
	page, err := r.Jobs(t.Context(), report.JobFilter{Tag: "needle"}, nil, 10)
	if err != nil || len(page.Jobs) != 0 || page.Looked == nil || page.Looked.Jobs < 1000 || page.Looked.Jobs > 100_000 || page.Next == nil {
		t.Fatalf("got %+v, %v", page, err)
	}
	for pages := 0; page.Next != nil; pages++ {
		if page, err = r.Jobs(t.Context(), report.JobFilter{Tag: "needle"}, page.Next, 10); err != nil || pages > 100 {
			t.Fatal(pages, err)
		}
	}
	if len(page.Jobs) != 1 || page.Looked != nil {
		t.Errorf("got %+v", page)
	}
}

func TestPagesOfBatchesHoldEachOnce(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_batches (batch, created_at, due_at) SELECT 'b' || i, '2026-11-22'::timestamptz + i / 4 * interval '1 h', now() + (i % 2 - 0.5) * interval '1 day' FROM generate_series(1, 50) i")
	db.Exec("INSERT INTO tagexec.tag_jobs (tag, batch) SELECT 't', 'b' || i FROM generate_series(1, 50, 3) i")
	db.Exec("INSERT INTO tagexec.tag_jobs (tag, batch) SELECT 't', 'b2' FROM generate_series(1, 1001) i")
	r := open(t, db.URL)
	for where, f := range map[string]report.BatchFilter{
		"true": {},
		"EXISTS (SELECT FROM tagexec.tag_jobs j WHERE j.batch = b.batch)":                      {Open: true},
		"EXISTS (SELECT FROM tagexec.tag_jobs j WHERE j.batch = b.batch) AND b.due_at < now()": {Late: true},
	} {
		want := storetest.All[string](db, "SELECT batch FROM tagexec.tag_batches b WHERE "+where+" ORDER BY created_at DESC, batch DESC")
		var got []string
		for from, pages := (*report.BatchPlace)(nil), 0; pages == 0 || from != nil; pages++ {
			page, err := r.Batches(t.Context(), f, from, 7)
			if err != nil || pages > 100 {
				t.Fatal(pages, err)
			}
			for _, b := range page.Batches {
				got = append(got, b.Batch)
				if capped := b.Batch == "b2"; b.CountsCapped != capped || capped && b.Pending != 1001 {
					t.Errorf("%s has %+v", b.Batch, b.Counts)
				}
			}
			from = page.Next
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", where, got, want)
		}
	}
	if b, err := r.Batch(t.Context(), "b2"); err != nil || b.Jobs != 1001 || b.Pending != 1001 || b.CountsCapped || b.Settled() {
		t.Errorf("got %+v, %v", b, err)
	}
}
