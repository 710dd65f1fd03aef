package store

import (
	"cmp"
	"time"
)

// Queue is the table as one executor sees it: the jobs it may claim, and what
// it has learned about where they lie. Claim is called by one goroutine at a
// time; the methods of Store may be called concurrently with it.
type Queue struct {
	*Store
	QueueConfig
	survey       survey
	reservations map[string]reservation // per limited pool
}

// QueueConfig says which jobs an executor may claim.
type QueueConfig struct {
	Kinds   []string      // kinds it can run
	Pools   []string      // pools it takes jobs from; nil for all
	Batch   string        // only jobs of this batch; "" for all
	Timeout time.Duration // limit of an attempt whose job sets none; 0 means 1 h
}

// Queue returns the table as an executor with this configuration sees it.
func (s *Store) Queue(config QueueConfig) *Queue {
	config.Timeout = cmp.Or(config.Timeout, time.Hour)
	return &Queue{Store: s, QueueConfig: config, reservations: map[string]reservation{}}
}
