package executor

import (
	"sync"

	"github.com/tagexec/tagexec/store"
)

// results are the results that the recorder has not seen yet, in order. put
// never blocks, so nothing waits for the database but the recorder; how many
// there can be is bounded by what is claimed and begun, see maxUnstored.
type results struct {
	mu    sync.Mutex
	list  []store.Result
	ready chan struct{} // of capacity 1: list may have become longer
}

func (q *results) put(r store.Result) {
	q.mu.Lock()
	q.list = append(q.list, r)
	first := len(q.list) == 1
	q.mu.Unlock()
	if first {
		raise(q.ready)
	}
}

// take moves all results to the end of to, whose memory the next ones get.
func (q *results) take(to []store.Result) []store.Result {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(to) == 0 {
		to, q.list = q.list, to
		return to
	}
	to = append(to, q.list...)
	clear(q.list)
	q.list = q.list[:0]
	return to
}
