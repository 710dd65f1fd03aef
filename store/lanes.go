package store

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"
)

// A lane is what a claim reads in one go: the pending jobs of one pool and one
// priority that have no mutex key.
type lane struct {
	laneName
	after position // where the next claim starts: just before its next job, as far as is known
	holds bool     // the last scan saw a job there for this executor, and no claim has emptied it since
	ours  bool     // it once held a job for this executor
}

type laneName struct {
	pool     string
	priority int16
}

// position is a place in the order of a lane.
type position struct {
	runAt time.Time
	id    int64
}

func (p position) before(o position) bool {
	return cmp.Or(p.runAt.Compare(o.runAt), cmp.Compare(p.id, o.id)) < 0
}

// lanes is what an executor knows about where work lies. It is a hint and lives
// in memory only. Claims start behind what was claimed last, so that they do not
// walk again and again over index entries of claimed jobs, which an old snapshot
// keeps from being removed, and over jobs that this executor cannot run. A scan
// of the table renews it at the start, after a claim that came back short, and
// every scanInterval under load: from the beginning of all lanes as often as
// that is cheap, and between that from the positions of the known lanes. A row
// before its lane's position (a late commit, a released job) waits for the next
// scan from the beginning, and is never skipped.
type lanes struct {
	known     map[laneName]*lane
	keyed     []string          // pools that hold jobs with a mutex key
	limited   map[string]bool   // pools with a limit of slots
	cursors   map[string]string // per pool: behind which mutex key the next claim starts; "" at the first
	pace      pace
	keysFirst bool        // whether keyed jobs go first in this round
	notified  atomic.Bool // new jobs were announced since the last claim
}

// get returns a lane, which is known from then on.
func (l *lanes) get(name laneName) *lane {
	one := l.known[name]
	if one == nil {
		one = &lane{laneName: name}
		l.known[name] = one
	}
	return one
}

// which returns the known lanes that are wanted, the highest priority first, and
// within a priority first the one that waits longest.
func (l *lanes) which(wanted func(*lane) bool) (list []*lane) {
	for _, one := range l.known {
		if wanted(one) {
			list = append(list, one)
		}
	}
	slices.SortFunc(list, func(a, b *lane) int {
		return cmp.Or(cmp.Compare(b.priority, a.priority), a.after.runAt.Compare(b.after.runAt), cmp.Compare(a.pool, b.pool))
	})
	return list
}

// remembered are the lanes of unlimited pools in which a new job probably lies.
func (l *lanes) remembered() []*lane {
	return l.which(func(one *lane) bool { return one.ours && !l.limited[one.pool] })
}

// mustScan reports whether a scan must precede the next claim.
func (l *lanes) mustScan() bool {
	holds := len(l.keyed) > 0
	for _, one := range l.known {
		holds = holds || one.holds
	}
	return l.pace.must(!holds)
}

// blocked reports whether the last scan saw jobs that may wait for another to end.
func (l *lanes) blocked() bool {
	for _, one := range l.known {
		if one.holds && l.limited[one.pool] {
			return true
		}
	}
	return len(l.keyed) > 0
}

// step is one claim of a round.
type step struct {
	lanes   []*lane
	pool    string // of a limited or keyed step
	limited bool
	keyed   bool
}

// steps returns the claims of a round, highest priority first. Unlimited lanes
// go together in one statement; a limited pool needs a transaction of its own,
// and so do keyed jobs, whose statement may fail for a key that another executor
// took. Keyed jobs, whose priority holds within a key only, go first and last in
// turn.
func (l *lanes) steps() []step {
	var steps, keyed []step
	pools := map[string]int{}
	for _, one := range l.which(func(one *lane) bool { return one.holds }) {
		switch at, known := pools[one.pool]; {
		case !l.limited[one.pool] && len(steps) > 0 && !steps[len(steps)-1].limited:
			last := &steps[len(steps)-1]
			last.lanes = append(last.lanes, one)
		case !l.limited[one.pool]:
			steps = append(steps, step{lanes: []*lane{one}})
		case known:
			steps[at].lanes = append(steps[at].lanes, one)
		default:
			pools[one.pool] = len(steps)
			steps = append(steps, step{lanes: []*lane{one}, pool: one.pool, limited: true})
		}
	}
	for _, pool := range l.keyed {
		if at, known := pools[pool]; known {
			steps[at].keyed = true
		} else {
			keyed = append(keyed, step{pool: pool, limited: l.limited[pool], keyed: true})
		}
	}
	rand.Shuffle(len(keyed), func(i, j int) { keyed[i], keyed[j] = keyed[j], keyed[i] })
	l.keysFirst = !l.keysFirst
	if l.keysFirst {
		return append(keyed, steps...)
	}
	return append(steps, keyed...)
}

// taken moves the positions behind the jobs that were claimed from lanes. Lanes
// that turned out to hold nothing more are left out until the next scan.
func (l *lanes) taken(from []*lane, jobs []Job, exhausted bool) {
	for _, j := range jobs {
		if j.MutexKey != nil {
			continue
		}
		if one, p := l.known[laneName{j.Pool, j.Priority}], (position{j.RunAt, j.ID}); one != nil && one.after.before(p) {
			one.after = p
		}
	}
	for _, one := range from {
		one.holds = one.holds && !exhausted
	}
}
