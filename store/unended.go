package store

import "sync"

// unended are the jobs with a mutex key that were claimed here, and of which it is
// not known here that they succeeded: they run, or may wait again. It is a hint.
type unended struct {
	mu  sync.Mutex
	ids map[int64]struct{}
}

// claimed notes the jobs.
func (u *unended) claimed(jobs []Job) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.ids == nil {
		u.ids = map[int64]struct{}{}
	}
	for _, j := range jobs {
		u.ids[j.ID] = struct{}{}
	}
}

// recorded forgets those that succeeded.
func (u *unended) recorded(results []Result, fates []Fate) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.ids) == 0 {
		return
	}
	for i, r := range results {
		if r.Outcome == Succeeded && (fates[i] == Applied || fates[i] == Already) {
			delete(u.ids, r.ID)
		}
	}
}

// has reports of each job whether it is among them.
func (u *unended) has(ids []int64) []bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	list := make([]bool, len(ids))
	for i, id := range ids {
		_, list[i] = u.ids[id]
	}
	return list
}

// forget forgets a job.
func (u *unended) forget(id int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.ids, id)
}
