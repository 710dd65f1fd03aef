package tell

import (
	"fmt"
	"strings"

	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

// Pools names the pools that hold up jobs.
func Pools(pools []report.Pool) string {
	var found []string
	for _, p := range pools {
		if text := HoldUp(p); text != "" {
			found = append(found, text)
		}
	}
	if len(found) == 0 {
		return listing.Plural(len(pools), "pool") + "; none is paused, and none is full while jobs wait."
	}
	return strings.Join(found, "; ") + "."
}

// HoldUp says why a pool holds up jobs; "" if it does not.
func HoldUp(p report.Pool) string {
	switch {
	case p.Paused:
		return fmt.Sprintf("%s is paused and %s due in it", p.Pool, areJobs(p.Due))
	case p.Slots != nil && p.Used >= *p.Slots && p.Due > 0:
		return fmt.Sprintf("%s is full and %s due in it", p.Pool, areJobs(p.Due))
	}
	return ""
}

func areJobs(n int) string {
	if n == 1 {
		return "1 job is"
	}
	return listing.Capped(n, maxQueue) + " jobs are"
}
