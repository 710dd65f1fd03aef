package store

const MinSchemaVersion = minSchemaVersion

// The statements whose plans are tested.
const (
	ClaimLanesSQL   = claimLanesSQL
	ClaimKeyedSQL   = claimKeyedSQL
	ClaimLimitedSQL = claimLimitedSQL
	RecordSQL       = recordSQL
	RunningSQL      = runningSQL
	SurveySQL       = surveySQL
	RecallSQL       = recallSQL
	OrphansSQL      = orphansSQL
)
