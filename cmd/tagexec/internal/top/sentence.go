package top

import (
	"fmt"

	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/cmd/internal/tell"
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
	if pace := tell.Pace(s.pace); pace != "" {
		text += "; " + pace
	}
	return text + "."
}

// needs says what wants somebody's attention, the most urgent first.
func (s snapshot) needs() []tell.Need {
	return tell.Queue{At: s.at, Pools: s.pools, Executors: s.executors, Open: s.batches, Failed: s.failures}.Needs()
}

// attention is needs in one line.
func (s snapshot) attention() string {
	list := s.needs()
	if len(list) == 0 {
		return "Nothing needs you."
	}
	const most = 2
	text := list[0].Text
	for _, need := range list[1:min(most, len(list))] {
		text += "; " + need.Text
	}
	if more := len(list) - most; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return "! " + text
}
