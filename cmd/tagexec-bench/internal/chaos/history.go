package chaos

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// line is one line of the history that the commands wrote.
type line struct {
	what    string
	now     float64 // seconds by a clock that all share and nobody sets
	job     int64
	attempt int
	tag     string
	pool    string
	slots   int
	key     string // "-": none
}

// run is one attempt of a command as its lines show it.
type run struct {
	line       // the first
	last   int // number of its last line
	lived  float64
	starts int
	ended  bool // well
}

// attempt names an attempt of a job.
type attempt struct {
	job    int64
	number int
}

// history is what the commands wrote, in the order in which it happened.
type history struct {
	lines []line
	runs  map[attempt]*run
}

func readHistory(path string) (*history, error) {
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	h := &history{runs: map[attempt]*run{}}
	for s := range strings.Lines(string(text)) {
		var l line
		if _, err := fmt.Sscan(s, &l.what, &l.now, &l.job, &l.attempt, &l.tag, &l.pool, &l.slots, &l.key); err != nil {
			return nil, fmt.Errorf("read the jobs' history: line %d, %q: %w", len(h.lines)+1, s, err)
		}
		id := attempt{l.job, l.attempt}
		r := h.runs[id]
		if r == nil {
			r = &run{line: l}
			h.runs[id] = r
		}
		r.last, r.lived = len(h.lines), l.now
		switch l.what {
		case "start":
			r.starts++
		case "end":
			r.ended = true
		}
		h.lines = append(h.lines, l)
	}
	return h, nil
}

// Overlap counts how often, and how long at most, commands held more than a
// limit allows.
type Overlap struct {
	Times   int     `json:"times"`
	Longest float64 `json:"longest_seconds"`
}

func (o *Overlap) add(seconds float64) {
	o.Times++
	o.Longest = max(o.Longest, seconds)
}

// overlaps computes what ran beside each other although a limit forbids it, for a
// pool the largest size that it ever had.
// Attempts that were taken away from their executor are an explanation: it was
// frozen or cut off, and its work could not be stopped from outside. Without one
// it is a finding.
func (h *history) overlaps(takenAway map[attempt]bool, found *findings) (keys, pools Overlap) {
	live := map[attempt]*run{}
	for i, l := range h.lines {
		id := attempt{l.job, l.attempt}
		r := h.runs[id]
		if l.what == "start" {
			for other, o := range live {
				if l.key != "-" && o.key == l.key && other != id {
					keys.add(min(o.lived, r.lived) - l.now)
					if !takenAway[other] && !takenAway[id] {
						found.add("overlap", "mutex key %s: attempt %d of job %d started while attempt %d of job %d ran, which nobody had taken away",
							l.key, l.attempt, l.job, other.number, other.job)
					}
				}
			}
			live[id] = r
			h.countRunning(live, id, takenAway, &pools, found)
		}
		if r.last == i {
			delete(live, id)
		}
	}
	return keys, pools
}

// countRunning looks at a pool when one more command has started in it.
func (h *history) countRunning(live map[attempt]*run, newest attempt, takenAway map[attempt]bool, pools *Overlap, found *findings) {
	pool, began := h.runs[newest].pool, h.runs[newest].now
	limit, limited := slots[pool]
	if !limited {
		return
	}
	used, ours, until := 0, 0, h.runs[newest].lived
	for id, r := range live {
		if r.pool != pool {
			continue
		}
		used += r.slots
		if !takenAway[id] {
			ours += r.slots
		} else {
			until = min(until, r.lived)
		}
	}
	if used > limit {
		pools.add(until - began)
	}
	if ours > limit {
		found.add("overlap", "pool %s: %d of %d slots in use by commands that nobody had taken away, when attempt %d of job %d started",
			pool, ours, limit, newest.number, newest.job)
	}
}

// String shows an overlap for people.
func (o Overlap) String() string {
	if o.Times == 0 {
		return "none"
	}
	return fmt.Sprintf("%d times, at most %s", o.Times, time.Duration(o.Longest*float64(time.Second)).Round(10*time.Millisecond))
}
