package trace

import (
	"context"
	"sync"
	"time"
)

const (
	parentTime  = time.Second      // for the database to tell of a batch; a job does not wait longer for its parent
	parentCache = 10 * time.Second // how long that is remembered: a submission may change it
	maxParents  = 1000             // batches that are remembered
)

// parents are the traces of batches.
type parents struct {
	batches Batches

	mu    sync.Mutex
	known map[string]parent
}

type parent struct {
	traceparent string
	until       time.Time
}

// of returns the traceparent of a batch, "" if there is none or the database does not
// tell.
func (p *parents) of(ctx context.Context, batch string) string {
	p.mu.Lock()
	known := p.known[batch]
	p.mu.Unlock()
	if time.Now().Before(known.until) {
		return known.traceparent
	}
	ctx, cancel := context.WithTimeout(ctx, parentTime)
	defer cancel()
	traceparent, err := p.batches.BatchTraceparent(ctx, batch)
	if err != nil {
		traceparent = "" // and remembered, so that not each job waits for it
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.known) >= maxParents {
		clear(p.known)
	}
	p.known[batch] = parent{traceparent, time.Now().Add(parentCache)}
	return traceparent
}
