package mysql

import (
	"context"
	"time"
)

const (
	// deadlineMargin is how much later than the job's own deadline the server
	// ends a statement by itself: it only has to when the executor is gone.
	deadlineMargin = 10 * time.Second
	// idleLimit is how long the server keeps a connection whose executor says
	// nothing; between two statements of a job pass milliseconds.
	idleLimit = time.Minute
)

// setLimits sets the limits by which the server ends what the executor no longer can.
// A stricter one of the login stays where the server can say so.
func (s *session) setLimits(bound, job context.Context) error {
	set := func(name string, limit int64, format string) error {
		err := s.link.run(bound, "SET SESSION "+format, name, max(limit, 1))
		if isFromServer(err) {
			s.engine.without(name, "the server ends nothing by this limit when the executor is gone")
			return nil
		}
		return err
	}
	if err := set("wait_timeout", int64(idleLimit/time.Second), "%s = %d"); err != nil {
		return err
	}
	deadline, ok := job.Deadline()
	if !ok {
		return nil
	}
	format := "%s = %d"
	if s.link.dialect.atomic {
		format = "%[1]s = IF(@@%[1]s > 0, LEAST(@@%[1]s, %[2]d), %[2]d)"
	}
	for _, name := range s.link.dialect.limits {
		if err := set(name, int64((time.Until(deadline)+deadlineMargin)/s.link.dialect.unit), format); err != nil {
			return err
		}
	}
	return nil
}
