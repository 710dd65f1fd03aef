package executor

import (
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/tagexec/tagexec/store"
)

// outage paces repeated tries while the database does not answer, and keeps
// the log short: an error is logged when it is new and then every few seconds.
// It is used by one goroutine at a time.
type outage struct {
	log      *slog.Logger
	observer Observer
	during   string // what is tried
	failed   int    // tries in a row
	last     string // error that was logged last
	logged   time.Time
}

const (
	firstTry    = 50 * time.Millisecond
	slowestTry  = 2 * time.Second
	logInterval = 10 * time.Second
)

// outage returns one for what is tried.
func (p *Pool) outage(during string) outage {
	return outage{log: p.config.Log, observer: p.config.Observer, during: during}
}

// again notes a failed try and returns how long to wait before the next.
func (o *outage) again(err error) time.Duration {
	o.failed++
	o.observer.Failed(o.during, err)
	if err.Error() != o.last || time.Since(o.logged) > logInterval {
		o.log.Error("database trouble", "during", o.during, "tries", o.failed, "error", err)
		o.last, o.logged = err.Error(), time.Now()
	}
	wait := min(firstTry<<min(o.failed, 10), slowestTry)
	return wait/2 + rand.N(wait/2)
}

// over notes a try that succeeded.
func (o *outage) over() {
	if o.failed > 0 {
		o.log.Info("database works again", "during", o.during, "tries", o.failed)
	}
	o.failed, o.last = 0, ""
}

// warnUnwritable names the jobs that were isolated just now.
func (c *Config) warnUnwritable(jobs []store.Unwritable) {
	for _, u := range jobs {
		c.Log.Error("Postgres refuses to change the row of a job: it is left out, and tried again every minute", "job", u.ID, "sqlstate", u.SQLState, "error", u.Reason)
	}
}
