package executor

// What the tests of package executor_test need to know.
const (
	MaxPrefetch = maxPrefetch
	KillGrace   = killGrace
	MaxUnstored = maxUnstored
	MaxOutput   = maxOutput
	MaxError    = maxError
	MaxValue    = maxValue
	LastClaim   = lastClaim
)

var (
	CleanText = cleanText
	CleanJSON = cleanJSON
	CutEnd    = cutEnd
	CutMiddle = cutMiddle
)
