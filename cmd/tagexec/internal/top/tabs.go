package top

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
)

// tab is one of the tables.
type tab struct {
	name string
	make func(snapshot, *listing.Look) table
}

// tabs are what the keys 1 to 5 choose.
var tabs = [...]tab{{"running", runningTab}, {"pools", poolsTab}, {"executors", executorsTab}, {"batches", batchesTab}, {"failures", failuresTab}}

func runningTab(s snapshot, _ *listing.Look) table {
	t := table{columns: []string{"JOB", "TAG", "BATCH", "POOL", "RUNS", "LEFT", "TRY", "ON"}, right: map[int]bool{0: true, 4: true, 5: true, 6: true},
		orders: []string{"longest", "least time left"}, empty: "Nothing runs."}
	hosts := map[string]string{}
	for _, e := range s.executors {
		hosts[e.ID] = e.Hostname
	}
	for _, j := range s.running {
		left := 0.0
		if j.DeadlineAt != nil {
			left = j.DeadlineAt.Sub(s.at).Seconds()
		}
		on := hosts[*cmp.Or(j.ExecutorID, new(string))]
		if j.CancelRequestedAt != nil {
			on += ", stopping"
		}
		t.rows = append(t.rows, row{
			target: target{kind: aJob, id: j.ID},
			cells: []string{strconv.FormatInt(j.ID, 10), cli.Printable(j.Tag), text(j.Batch), cli.Printable(j.Pool), listing.Seconds(seconds(j.RunSeconds)),
				listing.Seconds(left), fmt.Sprintf("%d/%d", j.Failures+1, j.MaxAttempts), text(&on)},
			loud: left < 0, sort: []float64{-left},
		})
	}
	return t
}

func poolsTab(s snapshot, _ *listing.Look) table {
	t := table{columns: []string{"POOL", "USED", "SLOTS", "DUE", "PENDING", "LONGEST WAIT", "STATE"}, right: map[int]bool{1: true, 2: true, 3: true, 4: true, 5: true},
		orders: []string{"name", "due", "longest wait"}, empty: "There is no pool."}
	for _, p := range s.pools {
		slots, state, wait := "no limit", "open", "-"
		if p.Slots != nil {
			slots = strconv.Itoa(*p.Slots)
			if p.Used >= *p.Slots {
				state = "full"
			}
		}
		if p.Paused {
			state = "paused"
		}
		if p.OldestDueSeconds != nil {
			wait = listing.Seconds(*p.OldestDueSeconds)
		}
		t.rows = append(t.rows, row{
			target: target{kind: aPool, name: p.Pool, paused: p.Paused},
			cells:  []string{cli.Printable(p.Pool), strconv.Itoa(p.Used), slots, listing.Capped(p.Due, maxQueue), listing.Capped(p.Pending, maxQueue), wait, state},
			loud:   p.Paused && p.Due > 0, sort: []float64{float64(p.Due), seconds(p.OldestDueSeconds)},
		})
	}
	return t
}

func executorsTab(s snapshot, _ *listing.Look) table {
	t := table{columns: []string{"EXECUTOR", "HOST", "BUSY", "WORKERS", "HEARD", "VERSION", "TAKES", "STATE"}, right: map[int]bool{2: true, 3: true, 4: true},
		orders: []string{"living first", "busy"}, empty: "No executor: start one with `tagexec serve`."}
	for _, e := range s.executors {
		state := "alive"
		switch {
		case !e.Alive:
			state = "silent"
		case e.DrainRequestedAt != nil:
			state = "draining"
		case len(e.Unavailable) > 0 && string(e.Unavailable) != "null":
			state = "lacks something"
		}
		takes := strings.Join(e.Kinds, ",")
		if len(e.Pools) > 0 {
			takes += " of " + strings.Join(e.Pools, ",")
		}
		if e.Batch != nil {
			takes += " of batch " + *e.Batch
		}
		t.rows = append(t.rows, row{
			target: target{kind: anExecutor, name: e.ID},
			cells: []string{e.ID[:8], cli.Printable(e.Hostname), strconv.Itoa(e.Running), strconv.Itoa(e.Workers), listing.Seconds(s.at.Sub(e.HeartbeatAt).Seconds()),
				cli.Printable(e.Version), cli.Printable(takes), state},
			loud: !e.Alive, sort: []float64{float64(e.Running)},
		})
	}
	return t
}

func batchesTab(s snapshot, look *listing.Look) table {
	t := table{columns: []string{"BATCH", "DAG", "DUE", "OK", "FAILED", "RUN", "WAIT", "OF"}, right: map[int]bool{3: true, 4: true, 5: true, 6: true, 7: true},
		orders: []string{"newest", "waiting"}, empty: "No batch is open."}
	const most = 1000
	for _, b := range s.batches {
		due, late := "-", false
		if b.DueAt != nil {
			if due, late = look.Time(*b.DueAt), b.DueAt.Before(s.at); late {
				due += " late"
			}
		}
		t.rows = append(t.rows, row{
			target: target{kind: aBatch, name: b.Batch},
			cells: []string{cli.Printable(b.Batch), text(b.DagID), due, listing.Capped(b.Succeeded, most), listing.Capped(b.Failed, most), listing.Capped(b.Running, most),
				listing.Capped(b.Pending, most), listing.Capped(b.Jobs, most)},
			loud: late, sort: []float64{float64(b.Pending)},
		})
	}
	return t
}

func failuresTab(s snapshot, look *listing.Look) table {
	t := table{columns: []string{"JOB", "TAG", "BATCH", "POOL", "ENDED", "CODE", "ERROR"}, right: map[int]bool{0: true},
		orders: []string{"latest"}, empty: "No job is failed."}
	for _, j := range s.failures {
		ended := "-"
		if j.FinishedAt != nil {
			ended = look.Time(*j.FinishedAt)
		}
		t.rows = append(t.rows, row{
			target: target{kind: aJob, id: j.ID},
			cells:  []string{strconv.FormatInt(j.ID, 10), cli.Printable(j.Tag), text(j.Batch), cli.Printable(j.Pool), ended, text(j.ErrorCode), text(j.Error)},
		})
	}
	return t
}
