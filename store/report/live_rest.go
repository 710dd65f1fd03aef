package report

import (
	"regexp"
	"slices"
	"strings"
)

// leftOut is the line where the middle of an output was left out.
var leftOut = regexp.MustCompile(`\n… [\d,]+ bytes left out …\n`)

// Rest returns what follows in a recorded output on what was shown of it while the
// attempt ran; printed is the OutputBytes of the last chunk. missing is how many bytes
// between them were neither shown nor recorded. ok is false where the record does not
// begin as what was shown: then rest is all of it.
func (o Output) Rest(shown string, printed int64) (rest string, missing int64, ok bool) {
	text := ""
	if o.Output != nil {
		text = *o.Output
	}
	if rest, ok := strings.CutPrefix(text, shown); ok {
		return rest, 0, true
	}
	for _, mark := range slices.Backward(leftOut.FindAllStringIndex(text, -1)) { // the job may have printed one itself
		if tail := text[mark[1]:]; strings.HasPrefix(shown, text[:mark[0]]) {
			left := o.OutputBytes - printed
			if n := overlap(shown, tail, left); n > 0 {
				return tail[n:], 0, true
			}
			return tail, max(0, left-int64(len(tail))), true
		}
	}
	return text, 0, false
}

// overlap returns how much of a tail stands at the end of what was shown. Where several
// answers fit, as between lines that are all the same, it is the one that leaves about
// as many bytes as there are.
func overlap(shown, tail string, left int64) (best int) {
	off := func(n int) int64 { return max(int64(len(tail)-n)-left, left-int64(len(tail)-n)) }
	for n := 1; n <= min(len(tail), len(shown)); n++ {
		if off(n) < off(best) && strings.HasSuffix(shown, tail[:n]) {
			best = n
		}
	}
	return best
}
