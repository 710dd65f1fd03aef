package store

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"
)

// A lane is what a claim reads in one go: the pending jobs of one pool and one
// priority that have no mutex key.
type lane struct {
	laneName
	after key // where the next claim starts: just before its next job, as far as is known
}

type laneName struct {
	pool     string
	priority int16
}

// key is the order within a lane.
type key struct {
	runAt time.Time
	id    int64
}

func (k key) less(o key) bool { return cmp.Or(k.runAt.Compare(o.runAt), cmp.Compare(k.id, o.id)) < 0 }

// survey is what an executor knows about where work lies. It is a hint and
// lives in memory only. Claims start behind what was claimed last, so that
// index entries of claimed jobs, which an old snapshot keeps from being
// removed, and jobs that this executor cannot run are not walked again and
// again. A look at the table renews the survey at the start, after a claim that
// came back short, and every surveyInterval under load: from the beginning of
// all lanes as often as that is cheap, and between that from where the known
// lanes were left. A row that lies before that (a late commit, a released job)
// waits for the next look from the beginning, and is never skipped. While few jobs
// are pending, claimFew is such a look, and no lanes need be known.
type survey struct {
	lanes     []*lane           // that hold work
	left      map[laneName]key  // where each lane that ever held work was left
	keyed     []string          // pools that hold jobs with a mutex key
	limited   map[string]bool   // pools with a limit of slots
	cursors   map[string]string // per pool: behind which mutex key the next claim starts
	counts    map[string]count  // per limited pool
	whole     look              // the last look from the beginning
	latest    look              // the last look of either kind
	crowded   time.Time         // when claimFew saw more than it could decide about
	keysFirst bool              // whether keyed jobs go first in this round
	suspects  bool              // whether there were suspects that are due
}

// look is when a look ended, and what it cost.
type look struct {
	at   time.Time
	cost time.Duration
}

const (
	surveyInterval = 2 * time.Second
	// Looks may take a twentieth of the time, but none is put off for longer than surveyMax.
	surveyShare = 20
	surveyMax   = 30 * time.Second
	// lateCommit is how old a row may be when it becomes visible and still be found at once.
	lateCommit = 5 * time.Second
)

// paid tells whether the time since the look makes up for its cost.
func (l look) paid() bool {
	return l.at.IsZero() || time.Since(l.at) >= min(surveyShare*l.cost, surveyMax)
}

// due tells whether a look is needed whatever the claims bring.
func (s *survey) due() bool {
	return len(s.lanes)+len(s.keyed) == 0 || time.Since(s.latest.at) >= surveyInterval && s.affordable()
}

// quiet tells whether few jobs may be pending, and a look from the beginning is
// paid for.
func (s *survey) quiet() bool {
	return len(s.lanes)+len(s.keyed) == 0 && time.Since(s.crowded) >= surveyInterval && s.whole.paid()
}

// affordable tells whether a look may be taken because a claim came back short.
func (s *survey) affordable() bool { return s.whole.paid() || s.latest.paid() }

// takenAll notes a look from the beginning after which nothing but these jobs
// could be claimed.
func (s *survey) takenAll(jobs []Job, cost time.Duration) {
	s.forget()
	for _, j := range jobs {
		if name, k := (laneName{j.Pool, j.Priority}), (key{j.RunAt, j.ID}); s.left[name].less(k) {
			s.left[name] = k
		}
	}
	s.whole = look{time.Now(), cost}
	s.latest, s.crowded = s.whole, time.Time{}
}

// forget makes room for what a look sees.
func (s *survey) forget() {
	if s.left == nil {
		s.left = map[laneName]key{}
	}
	s.lanes, s.keyed, s.limited, s.suspects = nil, nil, map[string]bool{}, false
}

// turn notes behind which mutex key of a pool the next claim starts; nil means
// at the first.
func (s *survey) turn(pool string, after *string) {
	if s.cursors == nil {
		s.cursors = map[string]string{}
	}
	if after == nil {
		after = new(string)
	}
	s.cursors[pool] = *after
}

// counted notes what runs in a limited pool.
func (s *survey) counted(pool string, c count) {
	if s.counts == nil {
		s.counts = map[string]count{}
	}
	s.counts[pool] = c
}

// step is one claiming statement of a round.
type step struct {
	lanes   []*lane
	pool    string // of a limited or keyed step
	limited bool
	keyed   bool
}

// steps returns the statements of a round, highest priority first, and within
// a priority first the pool that waits longest. Unlimited lanes go together in
// one statement; a limited pool needs a transaction of its own, and so do keyed
// jobs, whose statement may fail for a key that another executor took. Keyed
// jobs, whose priority holds within a key only, go first and last in turn.
func (s *survey) steps() []step {
	slices.SortStableFunc(s.lanes, func(a, b *lane) int {
		return cmp.Or(cmp.Compare(b.priority, a.priority), a.after.runAt.Compare(b.after.runAt))
	})
	var lanes, keyed []step
	pools := map[string]int{}
	for _, l := range s.lanes {
		switch at, known := pools[l.pool]; {
		case !s.limited[l.pool] && len(lanes) > 0 && !lanes[len(lanes)-1].limited:
			last := &lanes[len(lanes)-1]
			last.lanes = append(last.lanes, l)
		case !s.limited[l.pool]:
			lanes = append(lanes, step{lanes: []*lane{l}})
		case known:
			lanes[at].lanes = append(lanes[at].lanes, l)
		default:
			pools[l.pool] = len(lanes)
			lanes = append(lanes, step{lanes: []*lane{l}, pool: l.pool, limited: true})
		}
	}
	for _, pool := range s.keyed {
		if at, known := pools[pool]; known {
			lanes[at].keyed = true
		} else {
			keyed = append(keyed, step{pool: pool, limited: s.limited[pool], keyed: true})
		}
	}
	rand.Shuffle(len(keyed), func(i, j int) { keyed[i], keyed[j] = keyed[j], keyed[i] })
	s.keysFirst = !s.keysFirst
	if s.keysFirst {
		return append(keyed, lanes...)
	}
	return append(lanes, keyed...)
}

// taken moves the hints behind the jobs that were claimed from lanes. Lanes
// that turned out to hold nothing more are forgotten until the next look.
func (s *survey) taken(lanes []*lane, jobs []Job, exhausted bool) {
	for _, j := range jobs {
		for _, l := range lanes {
			if k := (key{j.RunAt, j.ID}); l.pool == j.Pool && l.priority == j.Priority && j.MutexKey == nil && l.after.less(k) {
				l.after = k
				s.left[l.laneName] = k
			}
		}
	}
	if exhausted {
		s.lanes = slices.DeleteFunc(s.lanes, func(l *lane) bool { return slices.Contains(lanes, l) })
	}
}
