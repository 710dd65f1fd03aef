package replay

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// world runs jobs on executors that claim one after another, by the rules that
// CONTRACT states. It knows nothing of package estimate and looks at every pending
// job for every claim, so that the two cannot be wrong in the same way.
type world struct {
	rand      *rand.Rand
	trace     *Trace
	jobs      []*worldJob // that have not ended, created or not
	executors []*worldExecutor
	now       time.Time
	cursor    map[string]string // by pool: the mutex key that was claimed last
	usual     map[int64]float64 // seconds that a job takes in its night, but for chance
}

type worldJob struct {
	*Job
	runAt   time.Time
	running *Attempt // nil while pending
	fails   func(attempt int) bool
	takes   func(attempt int) time.Duration
}

type worldExecutor struct {
	*Executor
	wake time.Time // when it claims next
	busy int
	keys bool // it claims keyed jobs first
}

const (
	worldPoll   = 250 * time.Millisecond
	worldClaim  = 4 * time.Millisecond // a claim, or a record
	worldForget = 24 * time.Hour
)

// run runs from a time on until all jobs have ended.
func (w *world) run(from time.Time) {
	for _, e := range w.executors {
		e.wake = from.Add(w.jitter(worldPoll))
	}
	for len(w.jobs) > 0 {
		next := w.now.Add(worldForget)
		for _, e := range w.executors {
			next = earlier(next, e.wake)
		}
		for _, j := range w.jobs {
			if j.running != nil {
				next = earlier(next, j.running.Ended)
			}
		}
		w.now = next
		w.finish()
		w.rand.Shuffle(len(w.executors), func(i, j int) { w.executors[i], w.executors[j] = w.executors[j], w.executors[i] })
		for _, e := range w.executors {
			if !e.wake.After(w.now) {
				w.claim(e)
			}
		}
	}
}

// finish ends what has run long enough, and wakes its executor.
func (w *world) finish() {
	for _, j := range w.jobs {
		a := j.running
		if a == nil || a.Ended.After(w.now) {
			continue
		}
		for _, e := range w.executors {
			if e.ID == a.Executor {
				e.busy--
				e.wake = earlier(e.wake, w.now.Add(w.jitter(worldClaim)))
			}
		}
		if a.Failed {
			j.Failures++
		}
		if a.Failed && j.Failures < j.MaxAttempts {
			wait := min(time.Hour, 5*time.Second<<(j.Failures-1))
			j.runAt = w.now.Add(wait/2 + time.Duration(w.rand.Int64N(int64(wait/2))))
			a.RetryAt = j.runAt
		}
		j.Attempts = append(j.Attempts, *a)
		j.running = nil
	}
	w.jobs = slices.DeleteFunc(w.jobs, func(j *worldJob) bool {
		ended := len(j.Attempts) > 0 && j.running == nil && j.Attempts[len(j.Attempts)-1].RetryAt.IsZero()
		if ended {
			j.Failures = 0 // as it was inserted
		}
		return ended
	})
}

func (w *world) jitter(d time.Duration) time.Duration {
	return d/2 + time.Duration(w.rand.Int64N(int64(d)))
}

// claim gives the executor's free workers jobs, and says when it claims again.
func (w *world) claim(e *worldExecutor) {
	e.wake = w.now.Add(w.jitter(worldPoll))
	e.keys = !e.keys
	for e.busy < e.Workers {
		j := w.choose(e)
		if j == nil {
			return
		}
		n := len(j.Attempts)
		j.running = &Attempt{Executor: e.ID, Due: j.runAt, Started: w.now, Ended: w.now.Add(j.takes(n) + w.jitter(worldClaim)), Failed: j.fails(n), Counts: true}
		if j.MutexKey != "" {
			w.cursor[j.Pool] = j.MutexKey
		}
		e.busy++
	}
}

// choose returns the job that an executor claims, nil for none.
func (w *world) choose(e *worldExecutor) *worldJob {
	var plain, keyed []*worldJob
	for _, pool := range w.trace.Pools {
		var due []*worldJob
		used := 0
		for _, j := range w.jobs {
			switch {
			case j.Pool != pool.Name:
			case j.running != nil:
				used += j.Slots
			case j.Created.After(w.now) || j.runAt.After(w.now) || w.held(j.MutexKey):
			default:
				due = append(due, j)
			}
		}
		slices.SortFunc(due, compareWorld)
		if pool.Slots > 0 {
			due = due[:min(len(due), 1)]
			if len(due) > 0 && used+due[0].Slots > pool.Slots {
				due = nil
			}
		}
		for _, j := range due {
			switch {
			case !slices.Contains(e.Kinds, j.Kind):
			case j.MutexKey != "" && pool.Slots == 0:
				keyed = append(keyed, j)
			default:
				plain = append(plain, j)
			}
		}
	}
	slices.SortFunc(plain, compareWorld)
	slices.SortStableFunc(keyed, func(a, b *worldJob) int {
		return cmp.Or(strings.Compare(w.turn(a), w.turn(b)), compareWorld(a, b))
	})
	if e.keys {
		plain, keyed = keyed, plain
	}
	for _, list := range [][]*worldJob{plain, keyed} {
		if len(list) > 0 {
			return list[0]
		}
	}
	return nil
}

// turn sorts the keys of a pool from that on which comes after the last.
func (w *world) turn(j *worldJob) string {
	if j.MutexKey > w.cursor[j.Pool] {
		return "0" + j.MutexKey
	}
	return "1" + j.MutexKey
}

func compareWorld(a, b *worldJob) int {
	return cmp.Or(cmp.Compare(b.Priority, a.Priority), a.runAt.Compare(b.runAt), cmp.Compare(a.ID, b.ID))
}

func (w *world) held(key string) bool {
	return key != "" && slices.ContainsFunc(w.jobs, func(j *worldJob) bool { return j.running != nil && j.MutexKey == key })
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// seconds is a duration.
func seconds(s float64) time.Duration { return time.Duration(math.Round(s * float64(time.Second))) }
