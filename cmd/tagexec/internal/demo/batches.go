package demo

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// What the executor must have for the demo's jobs.
const (
	// Source is the name in SQL_SOURCES of the database that Load filled.
	Source = "demo"
	// Pool limits the jobs that write a row for every customer, and a dear one of those that rank all customers.
	Pool = "warehouse"
	// PoolSlots is fewer than the demo's workers, so that the limit is seen to hold.
	PoolSlots = 2
)

// mutexKey keeps the jobs apart that write the same rows of demo.tag_counts: a worker would only wait for the locks
// that the other holds.
const mutexKey = "tag_counts"

// publishedTag is the tag that is handed to the endpoint.
const publishedTag = "champions"

// followUpPriority is above the default of 5: a date is finished before later dates are begun.
const followUpPriority = 6

// A Batch is what one call of tagexec.submit_jobs takes.
type Batch struct {
	Key     string
	BizDate string
	// After is the key of the batch that must have settled before this one is submitted; empty for none.
	After   string
	Jobs    json.RawMessage
	Context json.RawMessage
	// Count is the number of jobs.
	Count int
}

// Places says where the command and HTTP jobs do their work, which is known at run time only.
type Places struct {
	// EndpointURL is the origin at which Endpoint is served, such as http://127.0.0.1:40123.
	EndpointURL string
	// ManifestDir is an existing directory that the executor's commands may write to.
	ManifestDir string
}

// BizDates returns the month ends of the log, first to last, as YYYY-MM-DD.
func BizDates() []string {
	var dates []string
	for month := time.February; month <= time.February+17; month++ {
		// Day 0 is the last day of the month before; months above 12 are those of 1998.
		dates = append(dates, time.Date(1997, month, 0, 0, 0, 0, 0, time.UTC).Format(time.DateOnly))
	}
	return dates
}

// Batches returns the demo's batches in the order to submit them: the tags of every date, then the follow-ups of
// every date. Submitted in this order, each when its After has settled, a follow-up finds the tags of its own date
// and of all earlier ones, while executors are busy with the later ones.
func Batches(places Places) ([]Batch, error) {
	tags, err := readScripts("tags")
	if err != nil {
		return nil, err
	}
	counts, err := readScripts("followups")
	if err != nil {
		return nil, err
	}

	var first, followUps []Batch
	for _, date := range BizDates() {
		batch, err := newBatch("demo:"+date, "", "compute_tags", date, tagJobs(tags, date))
		if err != nil {
			return nil, err
		}
		jobs := append(countJobs(counts, date), manifestJob(tags, date, places), publishJob(date, places))
		followUp, err := newBatch("demo:"+date+":publish", batch.Key, "publish_tags", date, jobs)
		if err != nil {
			return nil, err
		}
		first = append(first, batch)
		followUps = append(followUps, followUp)
	}
	return slices.Concat(first, followUps), nil
}

// batchContext is the part of submit_jobs' context that the demo has: what Airflow would send.
type batchContext struct {
	DagID       string `json:"dag_id"`
	RunID       string `json:"run_id"`
	TaskID      string `json:"task_id"`
	LogicalDate string `json:"logical_date"`
}

func newBatch(key, after, taskID, date string, jobs []job) (Batch, error) {
	encoded, err := json.Marshal(jobs)
	if err != nil {
		return Batch{}, fmt.Errorf("encode jobs of %s: %w", key, err)
	}
	context, err := json.Marshal(batchContext{
		DagID:       "demo_rfm_tags",
		RunID:       "manual__" + date,
		TaskID:      taskID,
		LogicalDate: date + "T00:00:00Z",
	})
	if err != nil {
		return Batch{}, fmt.Errorf("encode context of %s: %w", key, err)
	}
	return Batch{Key: key, BizDate: date, After: after, Jobs: encoded, Context: context, Count: len(jobs)}, nil
}

// poolCost is what a tag's job costs in Pool; a tag that is not named runs in the default pool.
func poolCost(tag string) int {
	switch tag {
	case "recency_quintile", "frequency_quintile", "monetary_quintile", "average_order_value":
		return 1
	case "champions":
		return PoolSlots
	default:
		return 0
	}
}

func tagJobs(tags []script, date string) []job {
	jobs := make([]job, 0, len(tags))
	for _, tag := range tags {
		j := sqlJob(tag, date)
		if cost := poolCost(tag.Tag); cost > 0 {
			j.Pool, j.Slots = Pool, cost
		}
		jobs = append(jobs, j)
	}
	return jobs
}

func countJobs(counts []script, date string) []job {
	jobs := make([]job, 0, len(counts))
	for _, count := range counts {
		j := sqlJob(count, date)
		j.MutexKey, j.Priority = mutexKey, followUpPriority
		jobs = append(jobs, j)
	}
	return jobs
}

func sqlJob(s script, date string) job {
	payload := sqlPayload{Source: Source}
	for _, text := range s.Statements {
		payload.Statements = append(payload.Statements, statement{Statement: text, Args: []any{date}})
	}
	return job{Tag: s.Tag, Kind: "sql", BizDate: date, Payload: payload}
}

func manifestJob(tags []script, date string, places Places) job {
	var lines strings.Builder
	for _, tag := range tags {
		fmt.Fprintf(&lines, "%s\t%s\n", tag.Tag, tag.Definition)
	}
	return job{
		Tag: "export_manifest", Kind: "command", BizDate: date, Priority: followUpPriority,
		Payload: commandPayload{
			Command: "export_manifest",
			Args:    []string{"--date", date, "--out", places.ManifestDir},
			Stdin:   lines.String(),
		},
	}
}

func publishJob(date string, places Places) job {
	return job{
		Tag: "publish_tags", Kind: "http", BizDate: date, Priority: followUpPriority,
		Payload: httpPayload{
			Method:  "POST",
			URL:     places.EndpointURL + PublishPath,
			Headers: map[string]string{"Content-Type": "application/json"},
			Body:    publication{BizDate: date, Tag: publishedTag},
		},
	}
}
