package store

import (
	"sync/atomic"
	"time"
)

// portion is how many jobs or results one statement carries. On a slow link it
// shrinks until the statement ends within its time: one that is cut off is
// repeated, and as large it would be cut off for ever. It shrinks fast, because each
// statement that is cut off takes all its time, and one that is too small takes
// little and lets it grow. It may be used concurrently.
type portion struct{ most atomic.Int64 } // 0: as many as are wanted

// unbounded is a portion above which there is no bound any more.
const unbounded = 10_000

// of returns how many of n the next statement carries.
func (p *portion) of(n int) int {
	if most := int(p.most.Load()); most > 0 {
		return min(n, most)
	}
	return n
}

// sent notes a statement for n that took so long. What is left of the time leaves
// room for other statements on the link, and for growth.
func (p *portion) sent(n int, took time.Duration, err error) {
	most := p.most.Load()
	switch {
	case cutOff(err):
		p.most.Store(max(1, int64(n/8)))
	case err == nil && most > 0 && int64(n) >= most && took < statementTimeout/4:
		if most += 1 + most/4; most > unbounded {
			most = 0
		}
		p.most.Store(most)
	}
}
