package store

import (
	"cmp"
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// The statements whose plans are tested.
const (
	ClaimLanesSQL      = claimLanesSQL
	TakeSQL            = takeSQL
	FindInLanesSQL     = findInLanesSQL
	FindKeyedSQL       = findKeyedSQL
	TakeNextKeysSQL    = takeNextKeysSQL
	TakeKnownKeysSQL   = takeKnownKeysSQL
	FindInBatchSQL     = findInBatchSQL
	FindAroundSQL      = findAroundSQL
	FindReservingSQL   = findReservingSQL
	ReadRoomSQL        = readRoomSQL
	ScanLanesSQL       = scanLanesSQL
	RecordSQL          = recordSQL
	RecordSuccessesSQL = recordSuccessesSQL
	RunningSQL         = runningSQL
	SignsSQL           = signsSQL
	GiveUpSQL          = giveUpSQL
)

// SessionOf is the session of an executor that was registered by other means.
func SessionOf(s *Store, id uuid.UUID, e Executor) Session {
	e.JobTimeout = cmp.Or(e.JobTimeout, DefaultJobTimeout)
	return newSession(s, id, e)
}

// RecordOn records on connections of others.
func RecordOn(ctx context.Context, db querier, results []Result) ([]Fate, error) {
	fates := make([]Fate, len(results))
	return fates, new(Store).writeTwice(ctx, db, results, fates)
}

// Take takes jobs of unlimited pools by their ids.
func Take(ctx context.Context, of Session, ids []int64, n int) ([]Job, error) {
	s := of.(*session)
	return s.take(ctx, s.pool, ids, n, nil, false)
}

// KnownKeys are the arguments with which a claim takes n jobs of the keys that the
// session knows, from the first on.
func KnownKeys(of Session, pool string, n int) pgx.StrictNamedArgs {
	s := of.(*session)
	k := s.keysOf(pool)
	args := pgx.StrictNamedArgs{"executor": s.id, "timeout": 60, "n": n, "kinds": s.Kinds, "unavailable": nil, "pool": pool}
	s.addLatest(args, k, k.known[:n])
	return args
}

// ForgetPooler makes the next connection of s look for a pooler.
func ForgetPooler(s *Store) { s.pooler.last.Store(nil) }
