package demo

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// backfillPriority is below the default, as that of work that can wait.
const backfillPriority = 3

// missingTable is what a job of the backfill asks for and nobody has loaded: a failure to look at.
const missingTable = "SELECT count(*) FROM demo.store_visits WHERE visited_on <= $1::date"

// Backfill returns one batch with every tag of every date once more, for whoever looks at the page: it has a due
// time soon after now, waits for the limited pool, a command that prints for more than a minute, and a tag that fails.
func Backfill(places Places, now time.Time) (Batch, error) {
	tags, err := readScripts("tags")
	if err != nil {
		return Batch{}, err
	}
	dates := BizDates()
	last := dates[len(dates)-1]
	jobs := []job{{
		Tag: "export_history", Kind: "command", BizDate: last,
		Payload: commandPayload{Command: "export_history", Args: []string{"--out", places.ManifestDir}, Stdin: strings.Join(dates, "\n") + "\n"},
	}}
	for _, date := range dates {
		jobs = append(jobs, tagJobs(tags, date)...)
	}
	for _, date := range dates[len(dates)-3:] {
		jobs = append(jobs, sqlJob(script{Tag: "store_visitor", Statements: []string{missingTable}}, date))
	}
	for i := range jobs {
		jobs[i].Priority = backfillPriority
	}
	batch, err := newBatch("demo:backfill", "", "backfill_tags", last, jobs)
	if err != nil {
		return Batch{}, err
	}
	batch.Context, err = json.Marshal(map[string]string{
		"dag_id": "demo_backfill", "run_id": "manual__" + now.UTC().Format(time.RFC3339), "task_id": "backfill_tags", "due_at": now.Add(2 * time.Minute).Format(time.RFC3339),
	})
	if err != nil {
		return Batch{}, fmt.Errorf("encode context of %s: %w", batch.Key, err)
	}
	return batch, nil
}
