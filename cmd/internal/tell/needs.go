package tell

import (
	"fmt"
	"slices"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

// maxQueue is where counts of what waits in a pool end; one more stands for more.
const maxQueue = 100_000

// Queue is what somebody knows of the queue at one moment.
type Queue struct {
	At        time.Time
	Pools     []report.Pool
	Executors []report.Executor // that have not ended
	Open      []report.Batch    // batches that are
	Blockers  []report.Blocker  // old enough to matter
	Next      []report.Job      // first of the pending jobs, in the order in which they are claimed
	Failed    []report.Job      // that have failed for good, the latest first; MaxFailed at most
}

// MaxFailed is how many of the jobs that failed last are looked at; as many stand for more.
const MaxFailed = 100

// failedLately is for how long a job that failed for good wants attention.
const failedLately = 24 * time.Hour

// showFailed is where to find jobs that no button leads to.
const showFailed = "tagexec jobs list --state failed shows them."

// failedBatches is how many batches with such jobs have a line of their own.
const failedBatches = 3

// Need is something that wants somebody's attention. One of the names says of what.
type Need struct {
	Text  string
	Pool  string // that is paused
	Batch string // that is late, or has jobs that failed
	Retry bool   // the jobs of the batch that failed may be run again
	Help  string // what to do, where it is no button
}

// Needs returns what wants attention, the most urgent first.
func (q Queue) Needs() []Need {
	var list []Need
	alive := false
	for _, e := range q.Executors {
		if e.Alive {
			alive = true
			continue
		}
		list = append(list, Need{
			Text: fmt.Sprintf("executor on %s (process %d) has not been heard of for %s", cli.Printable(e.Hostname), e.PID, listing.Seconds(q.At.Sub(e.HeartbeatAt).Seconds())),
			Help: "Its jobs go to others when its lease has passed, if another executor lives.",
		})
	}
	due := 0
	for _, p := range q.Pools {
		due += p.Due
		if p.Paused && p.Due > 0 {
			list = append(list, Need{Text: fmt.Sprintf("pool %s is paused while %s due in it", cli.Printable(p.Pool), areDue(p.Due)), Pool: p.Pool})
		}
	}
	if !alive && due > 0 {
		list = append([]Need{{Text: "no executor lives, and jobs are due", Help: "Start one: tagexec serve."}}, list...)
	}
	if alive {
		list = append(list, q.unserved()...)
	}
	for _, b := range q.Open {
		if b.DueAt != nil && b.DueAt.Before(q.At) {
			list = append(list, Need{Text: fmt.Sprintf("batch %s is late by %s", cli.Printable(b.Batch), listing.Seconds(q.At.Sub(*b.DueAt).Seconds())), Batch: b.Batch})
		}
	}
	list = append(list, q.failed()...)
	for _, b := range q.Blockers {
		whose := ""
		if b.ApplicationName != nil && *b.ApplicationName != "" {
			whose = " (" + cli.Printable(*b.ApplicationName) + ")"
		}
		list = append(list, Need{
			Text: fmt.Sprintf("%s %s%s has held back vacuum for %s", b.Kind, cli.Printable(b.Name), whose, listing.Seconds(*b.AgeSeconds)),
			Help: "Dead rows of the job table stay meanwhile. End it, as by SELECT pg_terminate_backend(pid).",
		})
	}
	return list
}

// failed are jobs that failed for good lately, by batch, that with the latest first.
func (q Queue) failed() (list []Need) {
	jobs, order := map[string][]*report.Job{}, []string{}
	for i := range q.Failed {
		j := &q.Failed[i]
		if j.FinishedAt == nil || q.At.Sub(*j.FinishedAt) > failedLately {
			continue
		}
		batch := ""
		if j.Batch != nil {
			batch = *j.Batch
		}
		if jobs[batch] == nil {
			order = append(order, batch)
		}
		jobs[batch] = append(jobs[batch], j)
	}
	for _, batch := range order[:min(failedBatches, len(order))] {
		last, many := jobs[batch][0], listing.Plural(len(jobs[batch]), "job")
		if len(q.Failed) >= MaxFailed {
			many = fmt.Sprintf("%d or more jobs", len(jobs[batch]))
		}
		need, of := Need{Batch: batch, Retry: true}, "batch "+cli.Printable(batch)
		if batch == "" {
			need, of = Need{Help: showFailed}, "no batch"
		}
		need.Text = fmt.Sprintf("%s of %s failed for good, the last (%s) %s ago", many, of, cli.Printable(last.Tag), listing.Seconds(q.At.Sub(*last.FinishedAt).Seconds()))
		list = append(list, need)
	}
	if more := len(order) - failedBatches; more > 0 {
		list = append(list, Need{Text: fmt.Sprintf("jobs of %s more failed for good in the last 24 hours", listing.Plural(more, "batch")), Help: showFailed})
	}
	return list
}

// unserved are jobs that are due, and that no living executor takes: so nothing of them
// will run, however long somebody waits.
func (q Queue) unserved() (list []Need) {
	type like struct{ kind, pool string }
	jobs, order := map[like]int{}, []like{}
	for i := range q.Next {
		j := &q.Next[i]
		if j.RunAt.After(q.At) || slices.ContainsFunc(q.Executors, func(e report.Executor) bool { return takes(e, j) }) {
			continue
		}
		of := like{j.Kind, j.Pool}
		if jobs[of] == 0 {
			order = append(order, of)
		}
		jobs[of]++
	}
	for _, of := range order {
		list = append(list, Need{
			Text: fmt.Sprintf("no living executor takes kind %s of pool %s, which %s for", cli.Printable(of.kind), cli.Printable(of.pool), waits(jobs[of])),
			Help: "Start one that does, or look which kinds and pools those that live take.",
		})
	}
	return list
}

func areDue(n int) string {
	if n == 1 {
		return "1 is"
	}
	return listing.Capped(n, maxQueue) + " are"
}

func waits(n int) string {
	if n == 1 {
		return "1 due job waits"
	}
	return listing.Plural(n, "due job") + " wait"
}

// takes reports whether an executor takes a job, as far as its kind, pool and batch say.
func takes(e report.Executor, j *report.Job) bool {
	return e.Alive && e.DrainRequestedAt == nil && slices.Contains(e.Kinds, j.Kind) && (e.Pools == nil || slices.Contains(e.Pools, j.Pool)) &&
		(e.Batch == nil || j.Batch != nil && *j.Batch == *e.Batch)
}
