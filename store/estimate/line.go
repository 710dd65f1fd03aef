package estimate

// A line is jobs that are due, in the order in which they are claimed. first are
// those that were due from the beginning, and are sorted. What became due later is
// in a heap.
type line struct {
	pool   *poolState
	crews  []int // that take its jobs
	key    *key  // nil: a lane, whose jobs have no mutex key
	ring   *ring // of a key's line
	first  []int32
	next   int
	late   []int32
	ready  bool // a key's line: it is in its ring
	passed int  // in which pass it was left out
}

// name is that of its key.
func (l *line) name() string {
	if l.key == nil {
		return ""
	}
	return l.key.name
}

func (l *line) empty() bool { return l.next == len(l.first) && len(l.late) == 0 }

// head is the first job.
func (l *line) head(jobs []job) int32 {
	switch {
	case l.next == len(l.first):
		return l.late[0]
	case len(l.late) > 0 && jobs[l.late[0]].before(&jobs[l.first[l.next]]):
		return l.late[0]
	default:
		return l.first[l.next]
	}
}

// pop removes the first job.
func (l *line) pop(jobs []job) {
	if l.next < len(l.first) && l.head(jobs) == l.first[l.next] {
		l.next++
		return
	}
	pop(&l.late, func(a, b int32) bool { return jobs[a].before(&jobs[b]) })
}

// add puts a job among the others.
func (l *line) add(jobs []job, i int32) {
	push(&l.late, i, func(a, b int32) bool { return jobs[a].before(&jobs[b]) })
}

// key is a mutex key. It may have jobs in several pools.
type key struct {
	name  string
	held  bool
	lines []*line
}

// A ring holds the keys of a pool that have jobs and do not run. They go round:
// behind a key are all that wait longer. Only a limited pool keeps to the order of
// their first jobs.
type ring struct {
	limited bool
	turns   []turn // a queue, or a heap if limited; some have been overtaken by what happened since
}

type turn struct {
	line *line
	head int32
}

// add gives a key its turn, if it has something to run.
func (r *ring) add(jobs []job, l *line) {
	switch {
	case l.empty() || !r.limited && l.ready:
	case r.limited:
		push(&r.turns, turn{l, l.head(jobs)}, func(a, b turn) bool { return jobs[a.head].before(&jobs[b.head]) })
	default:
		l.ready = true
		r.turns = append(r.turns, turn{line: l})
	}
}

// peek returns the line whose turn it is, nil if there is none.
func (r *ring) peek(jobs []job) *line {
	for len(r.turns) > 0 {
		t := r.turns[0]
		if !t.line.key.held && !t.line.empty() && (!r.limited || t.line.head(jobs) == t.head) {
			return t.line
		}
		r.drop(jobs)
	}
	return nil
}

// drop removes the first turn.
func (r *ring) drop(jobs []job) {
	if r.limited {
		pop(&r.turns, func(a, b turn) bool { return jobs[a.head].before(&jobs[b.head]) })
		return
	}
	r.turns[0].line.ready = false
	r.turns = r.turns[1:]
}
