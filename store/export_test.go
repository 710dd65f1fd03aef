package store

import "context"

const MinSchemaVersion = minSchemaVersion

// The statements whose plans are tested.
const (
	ClaimLanesSQL      = claimLanesSQL
	ClaimKeyedSQL      = claimKeyedSQL
	ClaimLimitedSQL    = claimLimitedSQL
	ReservingSQL       = reservingSQL
	RecordSQL          = recordSQL
	RunningSQL         = runningSQL
	ClaimFewSQL        = claimFewSQL
	SurveySQL          = surveySQL
	RecallSQL          = recallSQL
	SurveyBatchSQL     = surveyBatchSQL
	ClaimBatchSQL      = claimBatchSQL
	ClaimBatchKeyedSQL = claimBatchKeyedSQL
	OrphansSQL         = orphansSQL
)

// RecordOn records on connections of others.
func RecordOn(ctx context.Context, db querier, results []Result) ([]Fate, error) {
	fates := make([]Fate, len(results))
	return fates, writeTwice(ctx, db, "host", results, fates)
}
