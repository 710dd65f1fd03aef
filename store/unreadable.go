package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
)

// A statement that looks for jobs fails where a row cannot be read, and nothing
// tells which. The search reads the table by id, from the newest job on, because
// what waits is new. What it finds is isolated. A damaged value keeps nobody from
// reading other rows then: due leaves the row out before anything of it is read. A
// damaged page does, because every index that leads to it makes Postgres read it.
// Then claims look around it for a minute: as those of a batch do, but by id, in the
// stretches between the isolated rows (findAroundSQL). That reads the whole table,
// and nobody reserves in a limited pool.

// search is how far a session has looked for rows that cannot be read.
type search struct {
	below int64 // ids from here on were looked at; 0: the next search begins
	found bool  // any
}

// searchedAtOnce is how many ids one statement reads.
const searchedAtOnce = 5000

// The sequence says what the table cannot where its last rows are unreadable.
const (
	lastJobSQL = `-- tagexec: find last job
SELECT max(id) FROM tagexec.tag_jobs WHERE id < $1`

	lastIDSQL = `-- tagexec: find last id
SELECT least($1::bigint - 1, last_value) FROM tagexec.tag_jobs_id_seq`

	isolateUnreadableSQL = `-- tagexec: isolate unreadable jobs
SELECT job_id, error_code, error, is_new FROM tagexec.isolate_unreadable_jobs($1, $2)`
)

// isolateUnreadable finds the rows for which a statement failed that only reads.
// It returns nil if that helps: there are such rows, or the search is not over
// yet, and the next call goes on. Else it returns err.
func (s *session) isolateUnreadable(ctx context.Context, err error) (found []Unwritable, _ error) {
	s.searching.Lock()
	defer s.searching.Unlock()
	ctx, cancel := bounded(ctx)
	defer cancel()
	if s.search.below == 0 {
		s.search = search{below: math.MaxInt64}
	}
	for began := time.Now(); time.Since(began) < statementTimeout/2; {
		last, findErr := s.lastJob(ctx)
		if findErr != nil {
			return found, errors.Join(err, fmt.Errorf("find the job: %w", findErr))
		}
		if last == nil || *last < 1 {
			s.search.below = 0
			break
		}
		first := max(1, *last-searchedAtOnce+1)
		list, known, findErr := queryIsolated(ctx, s.pool, isolateUnreadableSQL, first, *last)
		if findErr != nil {
			return found, errors.Join(err, fmt.Errorf("find the job: %w", findErr))
		}
		s.search.found = s.search.found || known > 0
		found = append(found, list...)
		s.search.below = first
	}
	switch {
	case s.search.below > 1 || len(found) > 0:
		return found, nil
	case s.search.found && !s.around.Swap(true):
		return nil, nil
	default:
		return nil, err
	}
}

// lastJob returns the last id that was not searched, nil if there is none.
func (s *session) lastJob(ctx context.Context) (last *int64, err error) {
	err = s.pool.QueryRow(ctx, lastJobSQL, s.search.below).Scan(&last)
	if badRow(err) {
		err = s.pool.QueryRow(ctx, lastIDSQL, s.search.below).Scan(&last)
	}
	return last, err
}

// inTx is Store.inTx. Around damaged pages no statement of it reads a whole table.
func (s *session) inTx(ctx context.Context, do func(context.Context, pgx.Tx) error) error {
	return s.Store.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if s.around.Load() {
			if _, err := tx.Exec(ctx, "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off"); err != nil {
				return err
			}
		}
		return do(ctx, tx)
	})
}

// query calls do with the pool, or around damaged pages with a transaction.
func (s *session) query(ctx context.Context, do func(context.Context, querier) error) error {
	if s.around.Load() {
		return s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error { return do(ctx, tx) })
	}
	return do(ctx, s.pool)
}
