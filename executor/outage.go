package executor

import (
	"log/slog"
	"math/rand/v2"
	"time"
)

// outage paces repeated tries while the database does not answer, and keeps
// the log short: an error is logged when it is new and then every few seconds.
type outage struct {
	log    *slog.Logger
	what   string
	failed int
	last   string
	logged time.Time
}

const (
	firstTry    = 50 * time.Millisecond
	slowestTry  = 2 * time.Second
	logInterval = 10 * time.Second
)

// again notes a failed try and returns how long to wait before the next.
func (o *outage) again(err error) time.Duration {
	o.failed++
	if err.Error() != o.last || time.Since(o.logged) > logInterval {
		o.log.Error("database trouble", "during", o.what, "tries", o.failed, "error", err)
		o.last, o.logged = err.Error(), time.Now()
	}
	wait := min(firstTry<<min(o.failed, 10), slowestTry)
	return wait/2 + rand.N(wait/2)
}

// over notes a try that succeeded.
func (o *outage) over() {
	if o.failed > 0 {
		o.log.Info("database works again", "during", o.what, "tries", o.failed)
	}
	o.failed, o.last = 0, ""
}
