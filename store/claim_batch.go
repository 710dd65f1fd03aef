package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// The due jobs of one batch, found by the batch's index: of each pool the first
// @n in order, of each mutex key in a pool only the first, and no key that runs.
const findInBatchSQL = `-- tagexec: find in batch` + firstOfPools + `
                  FROM tagexec.tag_jobs q` + inBatch + `
                 WHERE q.batch = @batch` + orderOfPools

// The same jobs, or those of all batches for "", from the table read by id, in the
// stretches between those that are isolated: see unreadable.go.
const findAroundSQL = `-- tagexec: find around damaged pages` + firstOfPools + `
                  FROM (SELECT lag(u.job_id, 1, 0::bigint) OVER (ORDER BY u.job_id) AS after, u.job_id AS before FROM tagexec.tag_unwritable_jobs u
                        UNION ALL
                        SELECT coalesce(max(u.job_id), 0), 9223372036854775807 FROM tagexec.tag_unwritable_jobs u) s
                 CROSS JOIN LATERAL (
                       SELECT *
                         FROM tagexec.tag_jobs t
                        WHERE t.id > s.after
                          AND t.id < s.before
                          AND t.state || '' = 'pending' -- no index but that of the ids
                       OFFSET 0) q` + inBatch + `
                 WHERE (@batch::text = '' OR q.batch = @batch)` + orderOfPools

const (
	firstOfPools = `
SELECT c.id, c.pool, c.limited, c.suspect, c.slots, c.priority, c.run_at, coalesce(c.mutex_key, '')
  FROM (SELECT h.*, row_number() OVER (PARTITION BY h.pool, h.suspect ORDER BY h.priority DESC, h.run_at, h.id) AS place
          FROM (SELECT DISTINCT ON (q.crashes >= 2, q.pool, q.mutex_key, CASE WHEN q.mutex_key IS NULL THEN q.id END)
                       q.id, q.pool, p.slots IS NOT NULL AS limited, q.crashes >= 2 AS suspect, q.slots, q.priority, q.run_at, q.mutex_key`

	inBatch = `
                  JOIN tagexec.tag_pools p ON p.pool = q.pool AND NOT p.paused AND q.slots <= coalesce(p.slots, q.slots)`

	orderOfPools = `
                   AND (@pools::text[] IS NULL OR q.pool = ANY (@pools))
                   AND q.kind = ANY (@kinds::text[])
                   AND ` + available + `
                   AND ` + due + `
                   AND ` + keyFree + `
                 ORDER BY q.crashes >= 2, q.pool, q.mutex_key, CASE WHEN q.mutex_key IS NULL THEN q.id END, ` + inOrder + `) h) c
 WHERE c.place <= @n
 ORDER BY c.priority DESC, c.run_at, c.id`
)

// batchJob is a candidate of a batch.
type batchJob struct {
	candidate
	pool    string
	limited bool
	suspect bool
}

// findInBatch finds up to n candidates of each pool.
func (s *session) findInBatch(ctx context.Context, db querier, pools []string, n int) ([]batchJob, error) {
	sql := findInBatchSQL
	if s.around.Load() {
		sql = findAroundSQL
	}
	rows, err := db.Query(ctx, sql, pgx.StrictNamedArgs{"batch": s.Batch, "pools": pools, "kinds": s.Kinds, "unavailable": s.leaveOut(), "n": n})
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (batchJob, error) {
		j := batchJob{candidate: candidate{mine: true}}
		return j, row.Scan(&j.id, &j.pool, &j.limited, &j.suspect, &j.slots, &j.priority, &j.runAt, &j.mutexKey)
	})
}

// batch is what a session that is bound to a batch knows about it.
type batch struct {
	pools []string // that hold jobs which may run, that of the highest priority first; "" stands for all unlimited ones
	pace  pace
}

// spare is how many candidates more than wanted are found, for those that other
// executors claim meanwhile.
const spare = 200

// claimBatch claims up to n jobs of the session's batch: those of unlimited
// pools from what a scan has just found, those of a limited pool under its lock.
func (s *session) claimBatch(ctx context.Context, n int) (jobs []Job, more bool, err error) {
	b := &s.batch
	var open []int64
	scanned := slices.Contains(b.pools, "") || b.pace.must(len(b.pools) == 0)
	if scanned {
		if open, err = s.scanBatch(ctx, n+spare); err != nil {
			return nil, false, err
		}
	}
	for _, pool := range b.pools {
		var claimed []Job
		if pool == "" {
			claimed, err = s.takeUnlimited(ctx, open, n-len(jobs))
		} else {
			claimed, _, err = s.claimLimited(ctx, pool, n-len(jobs), s.findInBatchPool(pool))
		}
		jobs = append(jobs, claimed...)
		if err != nil || len(jobs) == n {
			return jobs, true, err
		}
	}
	b.pace.short = !scanned
	return jobs, b.pace.short && b.pace.may(), nil
}

// findInBatchPool finds candidates of the batch in one limited pool.
func (s *session) findInBatchPool(pool string) finder {
	return func(ctx context.Context, tx pgx.Tx, _, n int) (found []candidate, err error) {
		jobs, err := s.findInBatch(ctx, tx, []string{pool}, n)
		for _, j := range jobs {
			if !j.suspect {
				found = append(found, j.candidate)
			}
		}
		return found, err
	}
}

// scanBatch finds up to n candidates of each pool. It notes the pools and the
// suspects, and returns the jobs of unlimited pools, of each mutex key the first.
func (s *session) scanBatch(ctx context.Context, n int) (open []int64, err error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	began := time.Now()
	var found []batchJob
	err = s.query(ctx, func(ctx context.Context, db querier) (err error) {
		found, err = s.findInBatch(ctx, db, s.Pools, n)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("scan the batch: %w", err)
	}
	s.suspects, s.batch.pools = nil, nil
	keys := map[string]bool{}
	for _, j := range found {
		if j.suspect {
			s.suspects = append(s.suspects, suspect{j.id, j.pool, j.slots})
			continue
		}
		pool := ""
		if j.limited {
			pool = j.pool
		}
		if !slices.Contains(s.batch.pools, pool) {
			s.batch.pools = append(s.batch.pools, pool)
		}
		if j.limited || j.mutexKey != "" && keys[j.mutexKey] {
			continue
		}
		keys[j.mutexKey] = true
		open = append(open, j.id)
	}
	s.batch.pace.scanned(began, true)
	return open, nil
}
