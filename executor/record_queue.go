package executor

import (
	"slices"
	"sync"

	"github.com/tagexec/tagexec/store"
)

const (
	recordBatch = 1000    // most results in one statement
	recordBytes = 1 << 20 // and about the most bytes: a link of 250 kB/s carries them within a statement's time
)

// results are the results that wait for the recorder, the oldest first. Nothing
// here blocks, so nothing waits for the database but the recorder; how many
// there can be is bounded by what is claimed and begun, see maxUnstored.
type results struct {
	mu     sync.Mutex
	list   []store.Result
	enough int           // ready is raised while list is so long or longer
	ready  chan struct{} // of capacity 1
}

// put adds a result at the end.
func (q *results) put(r *store.Result) {
	q.mu.Lock()
	q.list = append(q.list, store.Result{})
	q.list[len(q.list)-1] = *r // on no stack between
	ready := len(q.list) >= q.enough
	q.mu.Unlock()
	if ready {
		raise(q.ready)
	}
}

// putBack puts results before all others; only the recorder, which looks at them
// next, may call it.
func (q *results) putBack(rs []store.Result) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.list = slices.Insert(q.list, 0, rs...)
}

// take removes a batch from the front if at least enough results wait. If not
// it returns nil, and ready is raised as soon as they do.
func (q *results) take(enough int) []store.Result {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.enough = enough
	if len(q.list) < enough {
		return nil
	}
	n := portion(q.list)
	batch := slices.Clone(q.list[:n])
	q.list = slices.Delete(q.list, 0, n)
	return batch
}

// portion returns how many results to store in one statement, at least one.
func portion(list []store.Result) int {
	n, bytes := 0, int64(0)
	for n < min(len(list), recordBatch) && bytes < recordBytes {
		bytes += weight(&list[n])
		n++
	}
	return n
}
