package sql

import (
	"context"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
)

// Places bound how many connections an engine has that opens one for each job.
type Places struct {
	free  *semaphore.Weighted
	taken atomic.Int64
	all   int
}

// NewPlaces returns so many places.
func NewPlaces(n int) *Places { return &Places{free: semaphore.NewWeighted(int64(n)), all: n} }

// Take waits for a place. Leave it.
func (p *Places) Take(ctx context.Context) error {
	if err := p.free.Acquire(ctx, 1); err != nil {
		return err
	}
	p.taken.Add(1)
	return nil
}

// Leave gives a place back.
func (p *Places) Leave() {
	p.taken.Add(-1)
	p.free.Release(1)
}

// Full reports whether all places are taken.
func (p *Places) Full() bool { return int(p.taken.Load()) >= p.all }

// Count counts the places as connections.
func (p *Places) Count() Connections { return Connections{InUse: int(p.taken.Load()), Max: p.all} }
