package estimate

import (
	"maps"
	"slices"
	"time"
)

// RunsOf is how many attempts an estimate makes use of, of a tag of which the batch has so
// many jobs.
func RunsOf(jobs int) int { return max(30, lastRuns*jobs) }

// Queue is what is known at one moment about a batch and about all that competes
// with it.
type Queue struct {
	Batch string
	Now   time.Time
	Due   *time.Time // when the batch ought to be finished; nil for never

	Jobs      []Job // unfinished: the batch's own, and those of others that may be claimed before them
	Pools     []Pool
	Executors []Executor // that live

	Past  map[string][]Run // by tag, the newest first: attempts of other batches that ended; of the tags of Jobs and Ended
	Ended []Run            // attempts of the batch

	EndedBeyond bool   // Ended are the newest of more
	OwnBeyond   int    // unfinished jobs of the batch that are not in Jobs
	Beyond      []Lump // those of others
}

// Lump is jobs that are too many to be looked at one by one, all alike.
type Lump struct {
	Like
	Priority int
	RunAt    time.Time
	Jobs     int
}

// Job is an unfinished job.
type Job struct {
	ID             int64
	Tag            string
	Batch          string // "" for none
	Like                  // its kind and pool
	MutexKey       string // "" for none
	Slots          int
	Priority       int
	RunAt          time.Time
	Failures       int
	MaxAttempts    int
	TimeoutSeconds float64   // 0: none of its own
	StartedAt      time.Time // zero while it is pending
	Executor       string    // that runs it

	series string // what it is compared with; see Queue.inSeries
}

func (j *Job) running() bool { return !j.StartedAt.IsZero() }

// Like is what jobs have in common whose tags tell nothing.
type Like struct{ Kind, Pool string }

// Run is an ended attempt.
type Run struct {
	JobID int64
	Tag   string
	Batch string
	Like
	Seconds float64
	Waited  float64 // seconds from when it was due to its start
	Ended   time.Time
	Failed  bool // else it succeeded
	Final   bool // it failed for good, though the job had attempts left: its error was permanent

	series string // as of a job
}

// begun are the attempts of the batch that run, as if they ended now.
func (q *Queue) begun() (list []Run) {
	for i := range q.Jobs {
		if j := &q.Jobs[i]; j.running() && j.Batch == q.Batch {
			list = append(list, Run{JobID: j.ID, Tag: j.Tag, Batch: j.Batch, Like: j.Like, Seconds: q.Now.Sub(j.StartedAt).Seconds(), Ended: q.Now})
		}
	}
	return list
}

// Pool is a pool as it is now.
type Pool struct {
	Name   string
	Slots  int // 0: no limit
	Paused bool
}

// Executor is a live executor.
type Executor struct {
	ID      string
	Workers int
	Kinds   []string
	Pools   []string          // nil: all
	Batch   string            // "": all
	Lacks   map[string]string // what it cannot use now, by the kind of job that needs it
	Drains  bool              // it takes no more jobs
}

// takes reports whether the executor runs such jobs of a batch.
func (e *Executor) takes(l Like, batch string) bool {
	return !e.Drains && slices.Contains(e.Kinds, l.Kind) &&
		(e.Pools == nil || slices.Contains(e.Pools, l.Pool)) &&
		(e.Batch == "" || e.Batch == batch)
}

// With returns the queue as it would be if these pools had so many slots; 0 is no
// limit.
func (q *Queue) With(slots map[string]int) *Queue {
	changed := *q
	changed.Pools = slices.Clone(q.Pools)
	slots = maps.Clone(slots)
	for i := range changed.Pools {
		if n, ok := slots[changed.Pools[i].Name]; ok {
			changed.Pools[i].Slots = n
		}
	}
	return &changed
}
