package demo

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/store/storetest"
)

func TestBizDatesAreTheMonthEndsOfTheLog(t *testing.T) {
	t.Parallel()
	dates := BizDates()
	if len(dates) != 18 || dates[0] != "1997-01-31" || dates[1] != "1997-02-28" || dates[11] != "1997-12-31" || dates[17] != "1998-06-30" {
		t.Errorf("dates are %v", dates)
	}
	if !slices.IsSorted(dates) {
		t.Errorf("dates are out of order: %v", dates)
	}
	for _, date := range dates {
		if day, err := time.Parse(time.DateOnly, date); err != nil || day.AddDate(0, 0, 1).Day() != 1 {
			t.Errorf("%s is no month end (%v)", date, err)
		}
	}
}

func TestEveryFollowUpComesAfterItsTags(t *testing.T) {
	t.Parallel()
	batches, err := Batches(Places{EndpointURL: "http://127.0.0.1:1", ManifestDir: "/tmp"})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, batch := range batches {
		if batch.After != "" && !seen[batch.After] {
			t.Errorf("%s is to follow %s, which has not come yet", batch.Key, batch.After)
		}
		seen[batch.Key] = true
	}
	if len(seen) != 36 {
		t.Errorf("%d batches, want two for each of 18 dates", len(seen))
	}
}

// submitted returns a connection to a migrated database in which every batch of the demo is pending.
func submitted(t *testing.T) *pgx.Conn {
	t.Helper()
	conn := storetest.New(t).Conn()
	if _, err := conn.Exec(t.Context(), "INSERT INTO tagexec.tag_pools (pool, slots) VALUES ($1, $2)", Pool, PoolSlots); err != nil {
		t.Fatal(err)
	}
	batches, err := Batches(Places{EndpointURL: "http://127.0.0.1:1", ManifestDir: "/tmp"})
	if err != nil {
		t.Fatal(err)
	}
	for _, batch := range batches {
		var answer struct{ Inserted, Existing int }
		err := conn.QueryRow(t.Context(), "SELECT tagexec.submit_jobs($1, $2, $3)", batch.Key, batch.Jobs, batch.Context).Scan(&answer)
		if err != nil {
			t.Fatalf("submit %s: %v", batch.Key, err)
		}
		if answer.Inserted != batch.Count || answer.Existing != 0 {
			t.Errorf("%s: %+v, want %d inserted", batch.Key, answer, batch.Count)
		}
	}
	return conn
}

func TestSubmitJobsTakesEveryBatch(t *testing.T) {
	t.Parallel()
	rows, err := submitted(t).Query(t.Context(), `
SELECT kind || ' ' || pool || ' ' || slots || ' ' || priority || coalesce(' ' || mutex_key, ''), count(*)
FROM tagexec.tag_jobs
GROUP BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	var shape string
	var jobs int
	if _, err := pgx.ForEachRow(rows, []any{&shape, &jobs}, func() error {
		got[shape] = jobs
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{
		"sql default 1 5":            8 * 18,
		"sql warehouse 1 5":          4 * 18,
		"sql warehouse 2 5":          18,
		"sql default 1 6 tag_counts": 2 * 18,
		"command default 1 6":        18,
		"http default 1 6":           18,
	}
	for shape := range want {
		if got[shape] != want[shape] {
			t.Errorf("%s: %d jobs, want %d", shape, got[shape], want[shape])
		}
	}
	if len(got) != len(want) {
		t.Errorf("jobs are %v, want %v", got, want)
	}
}

func TestContextIsWhatAirflowWouldSend(t *testing.T) {
	t.Parallel()
	batches, err := Batches(Places{EndpointURL: "http://127.0.0.1:1", ManifestDir: "/tmp"})
	if err != nil {
		t.Fatal(err)
	}
	var got batchContext
	if err := json.Unmarshal(batches[0].Context, &got); err != nil {
		t.Fatal(err)
	}
	want := batchContext{DagID: "demo_rfm_tags", RunID: "manual__1997-01-31", TaskID: "compute_tags", LogicalDate: "1997-01-31T00:00:00Z"}
	if got != want {
		t.Errorf("context is %+v, want %+v", got, want)
	}
}
