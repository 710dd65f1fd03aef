package tell

import (
	"fmt"

	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

// Tag says how a tag did in the last days.
func Tag(s report.TagSummary, days int) string {
	sentence := fmt.Sprintf("%s succeeded on %d of %s", s.Tag, s.DaysSucceeded, listing.Plural(days, "day"))
	if s.P50RunSeconds != nil {
		sentence += ", median " + listing.Seconds(*s.P50RunSeconds)
		if before := s.PreviousP50RunSeconds; before != nil && *before > 0 {
			sentence += fmt.Sprintf(" (%+.0f %% against the %s before)", (*s.P50RunSeconds / *before - 1)*100, listing.Plural(days, "day"))
		}
	}
	sentence += ", " + listing.Plural(s.Failures, "failure") + " in " + listing.Plural(s.Attempts, "attempt")
	if s.SlotSeconds != nil {
		sentence += ", " + listing.Seconds(*s.SlotSeconds) + " of slots"
	}
	return sentence + "."
}
