package store

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// Where one statement cannot decide alone, a claim goes in steps: candidates
// are found without a lock, fit chooses among them, take claims what is chosen
// and checks again that it may run.

// candidate is a job that may run if there is room for it.
type candidate struct {
	id       int64
	slots    int32
	priority int16
	runAt    time.Time
	mutexKey string // "" for none
	mine     bool   // false: only other executors run it, but it keeps its slots
}

// compare orders candidates as their pool does.
func (c candidate) compare(o candidate) int {
	return cmp.Or(cmp.Compare(o.priority, c.priority), c.runAt.Compare(o.runAt), cmp.Compare(c.id, o.id))
}

// unlimited is the room in a pool without a limit.
const unlimited = math.MaxInt

// fit returns the ids of up to n candidates to take, in order, given the free
// slots of their pool. It ends at the first that does not fit: nothing behind
// it overtakes, so a job of many slots is not starved. The reserving job, nil
// if there is none, is among them though it may be another executor's, unless
// a candidate with its mutex key comes before it.
func fit(candidates []candidate, reserving *candidate, free, n int) (ids []int64) {
	if r := reserving; r != nil && !slices.ContainsFunc(candidates, func(c candidate) bool {
		return c.id == r.id || c.mutexKey != "" && c.mutexKey == r.mutexKey && c.compare(*r) < 0
	}) {
		candidates = append(candidates, *r)
	}
	slices.SortFunc(candidates, candidate.compare)
	for _, c := range candidates {
		if int(c.slots) > free || len(ids) == n {
			break
		}
		free -= int(c.slots)
		if c.mine {
			ids = append(ids, c.id)
		}
	}
	return ids
}

// lockCandidates ends a subquery of candidates q: it locks up to @n of them. A
// job whose row another session holds is left out. The lock of a mutex key keeps
// two claimers from waiting for each other in the unique index: they would
// deadlock, since each takes the keys in the order of its own jobs. OFFSET 0 lets
// only keys be locked whose job can run.
const lockCandidates = `
           OFFSET 0
              FOR UPDATE SKIP LOCKED) l
     WHERE CASE WHEN l.mutex_key IS NULL THEN true
                ELSE EXISTS (SELECT FROM tagexec.mutex_locks m WHERE m.slot = hashtext(l.mutex_key) & 16383 FOR UPDATE SKIP LOCKED) END
     LIMIT @n`

// The pool must be unlimited, or still be what it was under its lock (@version).
const takeSQL = `-- tagexec: take` + setClaimed + takeThem

const takeAroundSQL = `-- tagexec: take around damaged pages` + setClaimedAround + takeThem

const takeThem = `
    SELECT l.id
      FROM unnest(@ids::bigint[]) c (id)
     CROSS JOIN LATERAL (
           SELECT q.id, q.mutex_key
             FROM tagexec.tag_jobs q
            WHERE q.id = c.id
              AND ` + due + `
              AND q.kind = ANY (@kinds::text[])
              AND ` + available + `
              AND (q.crashes >= 2) = @suspect
              AND ` + keyFree + `
              AND q.pool = ANY (ARRAY(SELECT p.pool FROM tagexec.tag_pools p WHERE NOT p.paused AND coalesce(p.xmin::text = @version::text, p.slots IS NULL)))` + lockCandidates + returnClaimed

// take claims up to n of the jobs, in the order of ids. version is that of the
// locked pool, nil for unlimited pools. If another executor has just taken one
// of the mutex keys it fails as a whole with a unique violation.
func (s *session) take(ctx context.Context, db querier, ids []int64, n int, version *string, suspect bool) ([]Job, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	sql := takeSQL
	if s.around.Load() {
		sql = takeAroundSQL
	}
	rows, err := db.Query(ctx, sql, pgx.StrictNamedArgs{
		"executor": s.id, "timeout": s.JobTimeout.Seconds(), "n": n, "kinds": s.Kinds, "unavailable": s.leaveOut(),
		"ids": ids, "version": version, "suspect": suspect,
	})
	if err != nil {
		return nil, err
	}
	jobs, err := pgx.AppendRows(make([]Job, 0, min(n, len(ids))), rows, scanJob)
	return jobs, ofOne(ids, err)
}

// takeUnlimited takes up to n jobs of unlimited pools. If that fails for a mutex
// key, the first few are taken one by one, and the rest is left to the next claim.
func (s *session) takeUnlimited(ctx context.Context, ids []int64, n int) ([]Job, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	take := func(ids []int64, n int) (jobs []Job, err error) {
		err = s.query(ctx, func(ctx context.Context, db querier) (err error) {
			jobs, err = s.take(ctx, db, ids, n, nil, false)
			return err
		})
		if err != nil {
			return nil, err // nothing was committed
		}
		return jobs, nil
	}
	jobs, err := take(ids, n)
	if !keyTaken(err) {
		return jobs, err
	}
	const tries = 8
	for _, id := range ids[:min(tries, n, len(ids))] {
		one, err := take([]int64{id}, 1)
		if err != nil && !keyTaken(err) {
			return jobs, err
		}
		jobs = append(jobs, one...)
	}
	return jobs, nil
}
