package estimate

import (
	"fmt"
	"time"
)

// leastGain is by what share of the time left an end must come nearer to be worth saying.
const leastGain = 0.05

// Binding is what keeps a batch from ending earlier.
type Binding struct {
	Wait           // that for which its jobs wait longest; none if its last job binds it
	Last LastJob   // that ends last
	Have int       // slots of the pool, or workers
	More int       // half as many again; 0 where more would not help
	P50  time.Time // with these
}

// Bind says what binds an estimate of the queue, and plans it once more with half
// as much again of that.
func Bind(q *Queue, e *Estimate) Binding {
	b := Binding{Last: e.Last}
	if len(e.Waits) == 0 {
		return b
	}
	b.Wait = e.Waits[0]
	var with *Queue
	switch {
	case b.Pool != "":
		for i := range q.Pools {
			if q.Pools[i].Name == b.Pool {
				b.Have = q.Pools[i].Slots
			}
		}
		with = q.With(map[string]int{b.Pool: halfMore(b.Have)})
	case b.Cause == Workers:
		with = q.withMoreWorkers()
		b.Have = q.workers()
	default:
		return b
	}
	then := Of(with)
	gain := e.P50.Sub(then.P50)
	if then.Refusal != "" || gain.Seconds() < leastGain*e.P50.Sub(q.Now).Seconds() {
		b.Wait, b.Have = Wait{}, 0
		return b
	}
	b.More, b.P50 = halfMore(b.Have), then.P50
	if b.Cause == Workers {
		b.More = with.workers()
	}
	return b
}

// halfMore is half as much again, one more at least.
func halfMore(n int) int { return n + max(1, n/2) }

// workers are those of executors that take new jobs.
func (q *Queue) workers() (n int) {
	for i := range q.Executors {
		if !q.Executors[i].Drains {
			n += q.Executors[i].Workers
		}
	}
	return n
}

// withMoreWorkers returns the queue as it would be if each executor had half as many
// workers again.
func (q *Queue) withMoreWorkers() *Queue {
	changed := *q
	changed.Executors = append([]Executor(nil), q.Executors...)
	for i := range changed.Executors {
		changed.Executors[i].Workers = halfMore(changed.Executors[i].Workers)
	}
	return &changed
}

// String says what binds, such as "pool warehouse (8 slots)".
func (b Binding) String() string {
	switch b.Cause {
	case PoolFull:
		return fmt.Sprintf("pool %s (%d slots)", b.Name, b.Have)
	case WideJob:
		return fmt.Sprintf("job %s, which waits for many of the %d slots of pool %s", b.Name, b.Have, b.Pool)
	case Mutex:
		return fmt.Sprintf("mutex key %s", b.Name)
	case Workers:
		return fmt.Sprintf("the %d workers", b.Have)
	case NotDue:
		return "jobs that are not due before"
	case Retry:
		return "the delay of retries"
	}
	text := fmt.Sprintf("its last job, %d (%s)", b.Last.ID, b.Last.Tag)
	if b.Last.New {
		text += ", whose tag never succeeded before"
	}
	return text
}
