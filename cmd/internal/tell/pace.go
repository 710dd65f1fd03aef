package tell

import (
	"fmt"

	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

// Pace says how fast attempts end: "96 end a minute, 2 % fail"; "" if none do.
func Pace(p report.Pace) string {
	if p.Attempts == 0 {
		return ""
	}
	each := max(1, (p.Attempts+report.PaceMinutes/2)/report.PaceMinutes)
	return fmt.Sprintf("%s end a minute, %d %% fail", listing.Thousands(each), p.Failed*100/p.Attempts)
}
