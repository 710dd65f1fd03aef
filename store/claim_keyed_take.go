package store

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// Most keys can run, and the first job of each is the one to take. So a claim
// first finds and takes in one statement: two cost the client 9 % more CPU for each
// job. Once found a job is reached by its place in the table: its index would cost
// the server 5 % more. A job that was moved meanwhile is left to the next claim.
const (
	takeNextKeysSQL = `-- tagexec: take keyed jobs` + setClaimedAt + `
    WITH RECURSIVE keys AS (
        SELECT @after::text COLLATE "C" AS mutex_key, NULL::tid AS place
        UNION ALL
        SELECT n.*
          FROM keys k
         CROSS JOIN LATERAL (
               SELECT q.mutex_key, q.ctid
                 FROM tagexec.tag_jobs q
                WHERE q.state = 'pending'
                  AND q.mutex_key IS NOT NULL
                  AND q.pool = @pool
                  AND q.mutex_key > k.mutex_key
                  AND ` + writable + `
                ORDER BY q.mutex_key, ` + inOrder + `
                LIMIT 1) n
    )
    SELECT l.ctid
      FROM (SELECT mutex_key, place, true AS probe FROM keys WHERE place IS NOT NULL LIMIT @keys) k` + lockPlaces

	// Of known keys, each with the job that was claimed there last; priority -1 if the
	// next one may come before it.
	// Keys of which that has ended are not probed: the unique index is.
	takeKnownKeysSQL = `-- tagexec: take jobs of known keys` + setClaimedAt + `
    SELECT l.ctid
      FROM unnest(@mutex_keys::text[], @priorities::smallint[], @run_ats::timestamptz[], @ids::bigint[], @probe::boolean[])
           f (mutex_key, priority, run_at, id, probe)
     CROSS JOIN LATERAL (
          (SELECT q.ctid AS place, f.probe` + ofKey + ` AND f.priority < 0 ORDER BY ` + inOrder + ` LIMIT 1)
           UNION ALL
          (SELECT q.ctid, f.probe` + ofKey + ` AND f.priority >= 0 AND q.priority > f.priority ORDER BY ` + inOrder + ` LIMIT 1)
           UNION ALL
          (SELECT q.ctid, f.probe` + ofKey + ` AND q.priority = f.priority AND (q.run_at, q.id) > (f.run_at, f.id) ORDER BY q.run_at, q.id LIMIT 1)
           UNION ALL
          (SELECT q.ctid, f.probe` + ofKey + ` AND q.priority < f.priority ORDER BY ` + inOrder + ` LIMIT 1)
           LIMIT 1) k` + lockPlaces

	ofKey = `
             FROM tagexec.tag_jobs q
            WHERE q.state = 'pending' AND q.pool = @pool AND q.mutex_key = f.mutex_key AND ` + writable

	lockPlaces = `
     CROSS JOIN LATERAL (
           SELECT q.ctid, q.mutex_key
             FROM tagexec.tag_jobs q
            WHERE q.ctid = k.place
              AND ` + mayRun + `
              AND (NOT k.probe OR ` + keyFree + `)
              FOR UPDATE SKIP LOCKED) l
     WHERE (SELECT p.slots IS NULL AND NOT p.paused FROM tagexec.tag_pools p WHERE p.pool = @pool)
       AND EXISTS (SELECT FROM tagexec.mutex_locks m WHERE m.slot = hashtext(l.mutex_key) & 16383 FOR UPDATE SKIP LOCKED)
     LIMIT @n` + returnClaimed
)

// rivals is when other executors were seen to claim from the same keys.
type rivals struct {
	met  time.Time // a claim failed for one of them
	seen time.Time // keys brought nothing although what was claimed from them here had ended
}

// near reports whether keys are found before they are claimed from.
func (r rivals) near() bool { return time.Since(r.met) < contention }

// any reports whether a key may run, although what was claimed from it here has ended.
func (r rivals) any() bool {
	return time.Since(r.met) < time.Minute || time.Since(r.seen) < time.Minute
}

// takeKeys claims up to n jobs of the next so many keys. canRun tells whether most
// can, and whether it stopped before the first. If another executor took one of the
// keys meanwhile, it claims none.
func (s *session) takeKeys(ctx context.Context, pool string, n, keys int) (jobs []Job, canRun bool, err error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	k := s.keysOf(pool)
	args := pgx.StrictNamedArgs{
		"executor": s.id, "timeout": s.JobTimeout.Seconds(), "n": n, "kinds": s.Kinds, "unavailable": s.leaveOut(), "pool": pool,
	}
	known, free, sql := k.next(keys), 0, takeKnownKeysSQL
	if len(known) > 0 {
		free = s.addLatest(args, k, known)
	} else {
		k.walks()
		sql, args["after"], args["keys"] = takeNextKeysSQL, k.cursor, keys
	}
	rows, err := s.pool.Query(ctx, sql, args)
	if err != nil {
		return nil, false, err
	}
	jobs, err = pgx.AppendRows(make([]Job, 0, n), rows, scanJob)
	switch {
	case keyTaken(err):
		s.rivals.met = time.Now()
		return nil, false, nil
	case badRow(err):
		found, findErr := s.findKeyed(ctx, s.pool, pool, math.MaxInt32, keys)
		if findErr != nil {
			return nil, false, errors.Join(err, findErr)
		}
		return nil, false, ofOne(found.ids(), err)
	case err != nil:
		return nil, false, err
	}
	s.takenFrom(k, jobs, true)
	switch {
	case len(known) == 0 && len(jobs) == min(n, keys):
		k.walked(sortedKeys(jobs), lastKey(jobs))
		return jobs, true, nil
	case len(known) == 0:
		return jobs, false, nil
	case len(jobs) == n:
		k.claimed(lastKey(jobs))
		return jobs, true, nil
	}
	if len(jobs) < free {
		s.rivals.seen = time.Now()
	}
	last := k.claimed(known[len(known)-1])
	return jobs, !last && len(jobs) > len(known)/2, nil
}

// addLatest adds to the arguments of takeKnownKeysSQL where the next job of each
// key is looked for, and returns how many are known to be free. Where the latest is
// not known to have succeeded, that is the first place: it may wait again.
func (s *session) addLatest(args pgx.StrictNamedArgs, k *keys, known []string) (free int) {
	var (
		priorities = make([]int16, len(known))
		runAts     = make([]time.Time, len(known))
		ids        = make([]int64, len(known))
		latest     = make([]latest, len(known))
	)
	for i, key := range known {
		latest[i] = k.latest[key]
		ids[i] = latest[i].after.id
	}
	probe, rivals := s.unended.has(ids), s.rivals.any()
	for i := range latest {
		l := &latest[i]
		priorities[i], runAts[i] = -1, l.after.runAt
		if l.first && l.ran >= manyRan && !probe[i] {
			priorities[i] = l.priority
		}
		if !probe[i] && l.ran > 0 {
			free++
		}
		probe[i] = probe[i] || rivals || l.ran == 0
	}
	args["mutex_keys"], args["priorities"], args["run_ats"], args["ids"], args["probe"] = known, priorities, runAts, ids, probe
	return free
}

// takenFrom notes the jobs that were claimed, and whether they were the first of
// their keys.
func (s *session) takenFrom(k *keys, jobs []Job, first bool) {
	if len(k.latest) > maxLatest {
		for _, l := range k.latest {
			s.unended.forget(l.after.id)
		}
		clear(k.latest)
	}
	for _, j := range jobs {
		before := k.latest[*j.MutexKey]
		s.unended.forget(before.after.id)
		k.latest[*j.MutexKey] = latest{j.Priority, position{j.RunAt, j.ID}, first, before.ran + 1}
	}
	s.unended.claimed(jobs)
}

func sortedKeys(jobs []Job) []string {
	list := make([]string, len(jobs))
	for i, j := range jobs {
		list[i] = *j.MutexKey
	}
	slices.Sort(list)
	return list
}
