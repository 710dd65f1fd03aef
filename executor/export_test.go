package executor

// What the tests of package executor_test need to know.
const (
	MaxPrefetch = maxPrefetch
	KillGrace   = killGrace
	MaxUnstored = maxUnstored
	MaxBehind   = maxBehind
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

// LiveText is an output on its way to who watches it.
type LiveText struct{ liveText }

// Add takes a piece of the output.
func (t *LiveText) Add(piece []byte) { t.add(piece, t.offset+int64(len(piece))) }

// Take returns what can be shown by now.
func (t *LiveText) Take() string {
	text := t.chunk()
	t.sent()
	return text
}

// StoredText makes a text fit to be stored.
var StoredText = storedText
