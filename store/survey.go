package store

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// A lane is what a claim reads in one go: the pending jobs of one pool and one
// priority that have no mutex key.
type lane struct {
	pool     string
	priority int16
	head     time.Time // run_at of its first job when the survey was made
	after    key       // where the next claim starts: the last key claimed
}

// position is about where the lane's next job lies.
func (l *lane) position() time.Time {
	if l.after.id > 0 {
		return l.after.runAt
	}
	return l.head
}

// key is the order within a lane.
type key struct {
	runAt time.Time
	id    int64
}

func (k key) less(o key) bool { return cmp.Or(k.runAt.Compare(o.runAt), cmp.Compare(k.id, o.id)) < 0 }

// survey is what an executor knows about where work lies. It is a hint and
// lives in memory only: a look at the table renews it at the start, after a
// claim that came back short, and every surveyInterval under load. Between
// looks claims start behind what they claimed last, so that index entries of
// claimed jobs, which an old snapshot keeps from being removed, are not walked
// again and again. A row that lies before a hint (a late commit, a released
// job) waits for the next look, and is never skipped.
type survey struct {
	lanes     []*lane
	keyed     []string             // pools that hold jobs with a mutex key
	limited   map[string]bool      // pools with a limit of slots
	cursors   map[string]string    // per pool: behind which mutex key the next claim starts
	oldest    map[string]time.Time // per limited pool: no running job was claimed before this
	looked    time.Time            // when the last look ended
	cost      time.Duration        // what it cost
	keysFirst bool                 // whether keyed jobs go first in this round
	suspects  bool                 // whether there were suspects that are due
}

const (
	surveyInterval = 2 * time.Second
	// A look may cost a twentieth of the time, but is never put off for longer than surveyMax.
	surveyShare = 20
	surveyMax   = 30 * time.Second
)

// due tells whether a look is needed whatever the claims bring.
func (s *survey) due() bool {
	if s.looked.IsZero() || len(s.lanes)+len(s.keyed) == 0 {
		return true
	}
	return time.Since(s.looked) >= min(max(surveyInterval, surveyShare*s.cost), surveyMax)
}

// affordable tells whether a look may be taken because a claim came back short.
func (s *survey) affordable() bool {
	return time.Since(s.looked) >= min(surveyShare*s.cost, surveyMax)
}

// A loose scan: the head of each lane is found from the head before it, in two
// branches; with OR instead the planner reads the whole index.
const surveySQL = `-- tagexec: survey
WITH RECURSIVE lanes AS (
    (SELECT pool, priority, run_at
       FROM tagexec.tag_jobs
      WHERE state = 'pending' AND mutex_key IS NULL
      ORDER BY pool, priority DESC, run_at
      LIMIT 1)
    UNION ALL
    SELECT n.pool, n.priority, n.run_at
      FROM lanes l
     CROSS JOIN LATERAL (
           (SELECT pool, priority, run_at
              FROM tagexec.tag_jobs
             WHERE state = 'pending' AND mutex_key IS NULL AND pool = l.pool AND priority < l.priority
             ORDER BY pool, priority DESC, run_at
             LIMIT 1)
           UNION ALL
           (SELECT pool, priority, run_at
              FROM tagexec.tag_jobs
             WHERE state = 'pending' AND mutex_key IS NULL AND pool > l.pool
             ORDER BY pool, priority DESC, run_at
             LIMIT 1)
           LIMIT 1) n
), keyed AS (
    (SELECT pool
       FROM tagexec.tag_jobs
      WHERE state = 'pending' AND mutex_key IS NOT NULL
      ORDER BY pool
      LIMIT 1)
    UNION ALL
    SELECT n.pool
      FROM keyed k
     CROSS JOIN LATERAL (
           SELECT pool
             FROM tagexec.tag_jobs
            WHERE state = 'pending' AND mutex_key IS NOT NULL AND pool > k.pool
            ORDER BY pool
            LIMIT 1) n
)
SELECT w.pool, w.priority, w.run_at, p.slots IS NOT NULL
  FROM (SELECT pool, priority, run_at FROM lanes
        UNION ALL
        SELECT pool, NULL, now() FROM keyed) w
  JOIN tagexec.tag_pools p ON p.pool = w.pool
 WHERE NOT p.paused
   AND ($1::text[] IS NULL OR p.pool = ANY ($1))` + surveySuspectsSQL

// The lanes of one batch; its jobs are found by the batch's index.
const surveyBatchSQL = `-- tagexec: survey batch
SELECT w.pool, w.priority, w.run_at, p.slots IS NOT NULL
  FROM (SELECT pool, max(priority) AS priority, min(run_at) AS run_at
          FROM tagexec.tag_jobs
         WHERE batch = $2
           AND state = 'pending'
           AND run_at <= now()
         GROUP BY pool) w
  JOIN tagexec.tag_pools p ON p.pool = w.pool
 WHERE NOT p.paused
   AND ($1::text[] IS NULL OR p.pool = ANY ($1))` + surveySuspectsSQL

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

// setOldest notes that no running job of the pool was claimed before oldest.
func (s *survey) setOldest(pool string, oldest time.Time) {
	if s.oldest == nil {
		s.oldest = map[string]time.Time{}
	}
	s.oldest[pool] = oldest
}

// One more row, without a pool, if there are suspects.
const surveySuspectsSQL = `
UNION ALL
SELECT NULL, NULL, now(), false
 WHERE EXISTS (SELECT FROM tagexec.tag_jobs WHERE state = 'pending' AND crashes >= 2 AND run_at <= now())`

// look renews the survey and drops the hints.
func (q *Queue) look(ctx context.Context) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	s, began := &q.survey, time.Now()
	sql, args := surveySQL, []any{q.Pools}
	if q.Batch != "" {
		sql, args = surveyBatchSQL, []any{q.Pools, q.Batch}
	}
	rows, err := q.db.Query(ctx, sql, args...)
	if err != nil {
		return fmt.Errorf("survey the lanes: %w", err)
	}
	s.lanes, s.keyed, s.limited, s.suspects = nil, nil, map[string]bool{}, false
	var (
		pool     *string
		priority *int16
		head     time.Time
		limited  bool
	)
	_, err = pgx.ForEachRow(rows, []any{&pool, &priority, &head, &limited}, func() error {
		if pool == nil {
			s.suspects = true
			return nil
		}
		s.limited[*pool] = limited
		if priority == nil {
			s.keyed = append(s.keyed, *pool)
		} else {
			s.lanes = append(s.lanes, &lane{pool: *pool, priority: *priority, head: head})
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("survey the lanes: %w", err)
	}
	s.looked, s.cost = time.Now(), time.Since(began)
	return nil
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
		return cmp.Or(cmp.Compare(b.priority, a.priority), a.position().Compare(b.position()))
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
			}
		}
	}
	if exhausted {
		s.lanes = slices.DeleteFunc(s.lanes, func(l *lane) bool { return slices.Contains(lanes, l) })
	}
}
