// Package tell says in sentences what the queue holds: the command line, top and the
// page say it in the same words.
package tell

import "time"

// Clock shows a time as briefly as it can be told now.
type Clock interface {
	Clock(time.Time) string
	Now() time.Time
}
