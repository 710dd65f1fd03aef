package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// suspect is a job that took down two executors, maybe by chance, being beside
// another. Claim leaves it out; it is claimed by itself, to run alone, and fails
// at the crash limit.
type suspect struct {
	id    int64
	pool  string
	slots int32
}

// maxSuspects is how many a scan returns, those that have waited longest.
const maxSuspects = 20

// ClaimSuspect claims one suspect whose pool and mutex key let it run, if there
// is one.
func (s *session) ClaimSuspect(ctx context.Context) ([]Job, error) {
	scan := s.scanLanes
	if s.Batch != "" || s.around.Load() {
		scan = func(ctx context.Context) error { _, err := s.scanBatch(ctx, maxSuspects); return err }
	}
	if err := scan(ctx); err != nil {
		if err = s.isolateClaimed(ctx, err); err != nil {
			return nil, fmt.Errorf("claim a suspect: %w", err)
		}
		return nil, nil
	}
	suspects := s.suspects
	s.suspects = nil // until the next scan
	for _, one := range suspects {
		jobs, err := s.takeSuspect(ctx, one)
		if err != nil && !keyTaken(err) {
			if err = s.isolateClaimed(ctx, err); err != nil {
				return nil, fmt.Errorf("claim a suspect: %w", err)
			}
		}
		if len(jobs) > 0 {
			return jobs, nil
		}
	}
	return nil, nil
}

// takeSuspect takes a suspect if it fits into its pool. It takes the lock of the
// pool also where that has no limit: one may be set just now.
func (s *session) takeSuspect(ctx context.Context, one suspect) (jobs []Job, err error) {
	_, jobs, err = s.inPool(ctx, one.pool, nil, func(ctx context.Context, tx pgx.Tx, r *room) ([]Job, error) {
		if int(one.slots) > r.free() {
			return nil, nil
		}
		return s.take(ctx, tx, []int64{one.id}, 1, &r.usage.version, true)
	})
	return jobs, err
}
