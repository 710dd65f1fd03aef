package top

import (
	"fmt"
	"strings"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

// sentence says how the queue is.
func (s snapshot) sentence() string {
	due, pending, alive, workers := 0, 0, 0, 0
	for _, p := range s.pools {
		due, pending = due+p.Due, pending+p.Pending
	}
	for _, e := range s.executors {
		if e.Alive {
			alive, workers = alive+1, workers+e.Workers
		}
	}
	text := fmt.Sprintf("%s run on %s of %s, %s due", listing.Capped(len(s.running), maxRunning-1), listing.Plural(alive, "executor"), listing.Plural(workers, "worker"), listing.Capped(due, maxQueue))
	if later := pending - due; later > 0 {
		text += fmt.Sprintf(", %s later", listing.Capped(later, maxQueue))
	}
	if s.pace.Attempts > 0 {
		text += fmt.Sprintf("; %s end a minute, %d %% fail", listing.Thousands(s.pace.Attempts/report.PaceMinutes), s.pace.Failed*100/s.pace.Attempts)
	}
	return text + "."
}

// needs says what wants somebody's attention, the most urgent first.
func (s snapshot) needs() []string {
	var list []string
	alive := false
	for _, e := range s.executors {
		if e.Alive {
			alive = true
		} else {
			list = append(list, fmt.Sprintf("executor on %s (process %d) has not been heard of for %s", cli.Printable(e.Hostname), e.PID, listing.Seconds(s.at.Sub(e.HeartbeatAt).Seconds())))
		}
	}
	due := 0
	for _, p := range s.pools {
		due += p.Due
		if p.Paused && p.Due > 0 {
			list = append(list, fmt.Sprintf("pool %s is paused while %s are due in it", cli.Printable(p.Pool), listing.Capped(p.Due, maxQueue)))
		}
	}
	if !alive && due > 0 {
		list = append([]string{"no executor lives, and jobs are due"}, list...)
	}
	for _, b := range s.batches {
		if b.DueAt != nil && b.DueAt.Before(s.at) {
			list = append(list, fmt.Sprintf("batch %s is late by %s", cli.Printable(b.Batch), listing.Seconds(s.at.Sub(*b.DueAt).Seconds())))
		}
	}
	return list
}

// attention is needs in one line.
func (s snapshot) attention() string {
	list := s.needs()
	if len(list) == 0 {
		return "Nothing needs you."
	}
	const most = 2
	text := strings.Join(list[:min(most, len(list))], "; ")
	if more := len(list) - most; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return "! " + text
}
