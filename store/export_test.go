package store

import (
	"cmp"
	"context"

	"github.com/google/uuid"
)

// The statements whose plans are tested.
const (
	ClaimLanesSQL      = claimLanesSQL
	TakeSQL            = takeSQL
	FindInLanesSQL     = findInLanesSQL
	FindKeyedSQL       = findKeyedSQL
	TakeKeyedSQL       = takeKeyedSQL
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
	QueueNowSQL        = queueNowSQL
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

// ForgetPooler makes the next connection of s look for a pooler.
func ForgetPooler(s *Store) { s.pooler.last.Store(nil) }
