package tell

import (
	"fmt"

	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

// Tag says how a tag did in the last days.
func Tag(s report.TagSummary, days int) string {
	sentence := fmt.Sprintf("%s ran on %d of %s, succeeded on %s", s.Tag, s.DaysRun, listing.Plural(days, "day"), succeededOn(s))
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

// succeededOn says on which of the days on which a tag ran.
func succeededOn(s report.TagSummary) string {
	switch s.DaysSucceeded {
	case 0:
		return "none"
	case s.DaysRun:
		if s.DaysRun == 1 {
			return "it"
		}
		return "each"
	}
	return fmt.Sprintf("%d of them", s.DaysSucceeded)
}
