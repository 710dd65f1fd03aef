package store

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"

	"github.com/jackc/pgx/v5"
)

// A statement reads at most keysSeen keys, and a claim sends keyRounds of them,
// so that a million keys that cannot run keep nobody waiting. In an unlimited
// pool it reads little more than the jobs that are wanted, because most keys can
// run, and twice keysLeast, four times and so on where they cannot.
const (
	keysSeen  = 500
	keysLeast = 64
	keyRounds = 5
)

// firstOfKeys walks the mutex keys of a pool in a loose scan from a cursor on,
// and brings the first job of each. Of each key that is not running it returns
// that job, or if that cannot run, the first that can. So priority holds within
// a key, and between keys it goes round: one key with 100,000 jobs keeps nobody
// waiting.
const firstOfKeys = `
WITH RECURSIVE keys AS (
    SELECT @after::text COLLATE "C" AS mutex_key, NULL::bigint AS id, 0 AS slots, 0::smallint AS priority, now() AS run_at, false AS runs, false AS free
    UNION ALL
    SELECT n.*
      FROM keys k
     CROSS JOIN LATERAL (
           SELECT q.mutex_key, q.id, q.slots, q.priority, q.run_at, ` + mayRun + ` AND q.slots <= @width::integer, ` + keyFree + `
             FROM tagexec.tag_jobs q
            WHERE q.state = 'pending'
              AND q.mutex_key IS NOT NULL
              AND q.pool = @pool
              AND q.mutex_key > k.mutex_key
              AND ` + writable + ` -- the key of another may be what is damaged
            ORDER BY q.mutex_key, ` + inOrder + `
            LIMIT 1) n
)
SELECT k.mutex_key, j.*
  FROM (SELECT * FROM keys WHERE id IS NOT NULL LIMIT @keys) k
  LEFT JOIN LATERAL (
       SELECT k.id, k.slots, k.priority, k.run_at
        WHERE k.runs
       UNION ALL
      (SELECT q.id, q.slots, q.priority, q.run_at
         FROM tagexec.tag_jobs q
        WHERE q.pool = @pool
          AND q.mutex_key = k.mutex_key
          AND q.slots <= @width::integer
          AND ` + mayRun + `
        ORDER BY ` + inOrder + `
        LIMIT 1)
       LIMIT 1) j ON k.free`

const findKeyedSQL = `-- tagexec: find keyed jobs
SELECT c.mutex_key, coalesce(c.id, 0), coalesce(c.slots, 0), coalesce(c.priority, 0::smallint), coalesce(c.run_at, now())
  FROM (` + firstOfKeys + `) c`

// Most keys can run. So a claim first finds and takes in one statement: two
// cost the client 9 % more CPU for each job.
const takeKeyedSQL = `-- tagexec: take keyed jobs` + setClaimed + `
    SELECT l.id
      FROM (` + firstOfKeys + `) c
     CROSS JOIN LATERAL (
           SELECT q.id, q.mutex_key
             FROM tagexec.tag_jobs q
            WHERE (SELECT p.slots IS NULL AND NOT p.paused FROM tagexec.tag_pools p WHERE p.pool = @pool)
              AND q.id = c.id
              AND ` + mayRun + lockCandidates + returnClaimed

// keyedJobs are the candidates of the keys behind a cursor.
type keyedJobs struct {
	candidates []candidate // at most one a key
	next       string      // behind which key to go on when these are taken; "" at the first
}

func (k keyedJobs) ids() []int64 {
	ids := make([]int64, len(k.candidates))
	for i, c := range k.candidates {
		ids[i] = c.id
	}
	return ids
}

// findKeyed finds the candidates of the next keys of a pool, at most so many,
// none of more than width slots.
func (s *session) findKeyed(ctx context.Context, db querier, pool string, width, keys int) (found keyedJobs, err error) {
	rows, err := db.Query(ctx, findKeyedSQL, pgx.StrictNamedArgs{
		"kinds": s.Kinds, "unavailable": s.leaveOut(), "pool": pool, "after": s.lanes.cursors[pool], "width": width, "keys": keys,
	})
	if err != nil {
		return found, err
	}
	found.candidates = make([]candidate, 0, keys)
	seen, c := 0, candidate{mine: true}
	_, err = pgx.ForEachRow(rows, []any{&c.mutexKey, &c.id, &c.slots, &c.priority, &c.runAt}, func() error {
		if seen++; seen == keys {
			found.next = c.mutexKey
		}
		if c.id != 0 { // else no job of the key can run
			found.candidates = append(found.candidates, c)
		}
		return nil
	})
	return found, err
}

// claimKeyed claims up to n jobs with different mutex keys from an unlimited
// pool. It takes them as it finds them, until a key is met that cannot run.
func (s *session) claimKeyed(ctx context.Context, pool string, n int) (jobs []Job, err error) {
	fromFirst, allRan := s.lanes.cursors[pool] == "", true
	for round := range keyRounds {
		wanted := n - len(jobs)
		keys := min(keysSeen, max(wanted+wanted/8, keysLeast<<round))
		claim := s.claimNextKeys
		if allRan {
			claim = s.takeKeyed
		}
		claimed, err := claim(ctx, pool, wanted, keys)
		jobs = append(jobs, claimed...)
		if err != nil || len(jobs) == n {
			return jobs, err
		}
		if allRan {
			allRan = len(claimed) == keys
			continue
		}
		if s.lanes.cursors[pool] == "" { // the last key was seen
			if fromFirst {
				break
			}
			fromFirst = true
		}
	}
	return jobs, nil
}

// takeKeyed claims up to n jobs of the next so many keys. The cursor moves
// behind them if no key may have been passed over. If another executor took one
// of the keys meanwhile, it claims none.
func (s *session) takeKeyed(ctx context.Context, pool string, n, keys int) ([]Job, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	rows, err := s.pool.Query(ctx, takeKeyedSQL, pgx.StrictNamedArgs{
		"executor": s.id, "timeout": s.JobTimeout.Seconds(), "n": n, "kinds": s.Kinds, "unavailable": s.leaveOut(),
		"pool": pool, "after": s.lanes.cursors[pool], "width": math.MaxInt32, "keys": keys,
	})
	if err != nil {
		return nil, err
	}
	jobs, err := pgx.AppendRows(make([]Job, 0, n), rows, scanJob)
	switch {
	case keyTaken(err):
		return nil, nil
	case badRow(err):
		found, findErr := s.findKeyed(ctx, s.pool, pool, math.MaxInt32, keys)
		if findErr != nil {
			return nil, errors.Join(err, findErr)
		}
		return nil, ofOne(found.ids(), err)
	case err == nil && len(jobs) == min(n, keys):
		s.lanes.cursors[pool] = lastKey(jobs)
	}
	return jobs, err
}

// claimNextKeys claims up to n jobs of the next so many keys. The cursor moves
// behind the last key claimed if there may be more, else behind the last key seen.
func (s *session) claimNextKeys(ctx context.Context, pool string, n, keys int) ([]Job, error) {
	bound, cancel := bounded(ctx)
	defer cancel()
	found, err := s.findKeyed(bound, s.pool, pool, math.MaxInt32, keys)
	if err != nil {
		return nil, err
	}
	jobs, err := s.takeUnlimited(ctx, found.ids(), n)
	if err != nil {
		return jobs, err
	}
	if len(jobs) == n {
		found.next = lastKey(jobs)
	}
	s.lanes.cursors[pool] = found.next
	return jobs, nil
}

// lastKey returns the last mutex key of jobs that all have one.
func lastKey(jobs []Job) string {
	return *slices.MaxFunc(jobs, func(a, b Job) int { return cmp.Compare(*a.MutexKey, *b.MutexKey) }).MutexKey
}
