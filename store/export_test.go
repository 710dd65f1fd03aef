package store

const MinSchemaVersion = minSchemaVersion

// The statements whose plans are tested.
const (
	ClaimLanesSQL   = claimLanesSQL
	ClaimKeyedSQL   = claimKeyedSQL
	ClaimLimitedSQL = claimLimitedSQL
	ReservingSQL    = reservingSQL
	RecordSQL       = recordSQL
	RunningSQL      = runningSQL
	SurveySQL       = surveySQL
	RecallSQL       = recallSQL
	OrphansSQL      = orphansSQL
)
