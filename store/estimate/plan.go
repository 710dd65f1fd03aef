package estimate

import "cmp"

// plan is a queue made ready for many draws: who may take what is decided once.
type plan struct {
	past  *past
	drift drift
	seed  uint64
	gap   float64 // seconds from the end of an attempt to the start of one that waits for it

	jobs     []job
	own      int // jobs of the batch
	pools    []*poolState
	crews    []crew
	lines    []*line
	rings    []*ring
	keys     []*key
	upcoming []int32 // that are not due yet, in the order in which they become due
	running  []int32
}

// job is a Job in numbers. Times are in seconds from now.
type job struct {
	id       int64
	tag      string
	runAt    float64
	elapsed  float64 // since it began; of running jobs
	limit    float64 // of an attempt; 0: none
	times    float64 // how many jobs it stands for
	expected *prediction
	line     *line // nil: nobody takes it any more
	pool     *poolState
	key      *key // nil: none
	slots    int
	crew     int // that runs it; -1 while it is pending
	priority int16
	failures int16
	most     int16   // failures, with which it ends
	own      bool    // of the batch
	retry    bool    // it waits for a retry; of a draw
	began    float64 // its present attempt, or now if that was before; of a draw
	failed   bool    // its present attempt will have; of a draw
	final    bool    // and will be its last
}

// compare is the order in which the jobs of a lane are claimed.
func (j *job) compare(o *job) int {
	switch {
	case j.priority != o.priority:
		return int(o.priority) - int(j.priority)
	case j.runAt != o.runAt:
		return cmp.Compare(j.runAt, o.runAt)
	default:
		return cmp.Compare(j.id, o.id)
	}
}

func (j *job) before(o *job) bool { return j.compare(o) < 0 }

type poolState struct {
	*Pool
	lanes []*line
	rings []*ring
	used  int // slots; of a draw
}

func (p *poolState) limited() bool { return p.Slots > 0 }

// crew is executors that take the same jobs.
type crew struct {
	like    *Executor
	workers int
	free    int     // workers; of a draw
	ahead   []int32 // claimed, waiting for a worker; of a draw
}
