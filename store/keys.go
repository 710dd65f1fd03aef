package store

import (
	"slices"
	"time"
)

// keys is what an executor knows about the mutex keys of one pool. As lanes, it is
// a hint and lives in memory only. A whole walk over the keys brings their names.
// Between two walks, which are at least scanInterval apart, and take at most half
// of the time, claims go through these names, and look for the next job of a key
// behind the last one, so that they do not walk again and again over index entries
// of jobs that the key ran before, which an old snapshot keeps from being removed.
// A new key, and a job that comes before the last one with its priority (a late
// commit, a released job), wait for the next walk. A job of a higher priority is
// found at once.
type keys struct {
	cursor string   // behind which key the next claim starts; "" at the first
	known  []string // in order; nil: a walk comes next, or is under way
	latest map[string]latest
	walk   scan      // the last whole walk
	began  time.Time // when the walk under way began; zero: there is none from the first key on
	met    []string  // by the walk under way
}

// latest is the job of a key that was claimed here last.
type latest struct {
	priority int16
	after    position
	first    bool // it came before all others of the key
	ran      int  // how many of the key were claimed here
}

const (
	// maxKnown bounds the memory: with more keys than that each round is a walk.
	maxKnown  = 20_000
	maxLatest = 2 * maxKnown

	// From so many jobs on it pays to look behind the last one: that takes two
	// descents of the index, as long as to walk over a few entries.
	manyRan = 8
)

// next returns the known keys behind the cursor, at most n; none if a walk is due.
func (k *keys) next(n int) []string {
	if k.cursor == "" && time.Since(k.walk.at) >= max(scanInterval, k.walk.cost) {
		k.known = nil
	}
	at, found := slices.BinarySearch(k.known, k.cursor)
	if found {
		at++
	}
	return k.known[at:min(at+n, len(k.known))]
}

// walks notes that a walk starts at the cursor, or goes on there.
func (k *keys) walks() {
	if k.cursor == "" && k.known == nil {
		k.began, k.met = time.Now(), nil
	}
}

// walked moves the cursor behind the keys that a walk met; to is "" at the end.
func (k *keys) walked(met []string, to string) {
	k.cursor = to
	if k.known != nil || k.began.IsZero() {
		return
	}
	k.met = append(k.met, met...)
	switch {
	case len(k.met) > maxKnown:
		k.began, k.met = time.Time{}, nil
	case to == "":
		k.known, k.walk = k.met, scan{time.Now(), time.Since(k.began)}
		k.began, k.met = time.Time{}, nil
	}
}

// claimed moves the cursor behind a known key, and reports whether it is the last.
func (k *keys) claimed(key string) (last bool) {
	k.cursor = key
	if key == k.known[len(k.known)-1] {
		k.cursor = ""
	}
	return k.cursor == ""
}
