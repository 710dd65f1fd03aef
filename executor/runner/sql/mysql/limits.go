package mysql

import (
	"context"
	"time"

	"github.com/tagexec/tagexec/executor/runner/sql"
)

// idleLimit is how long the server keeps a connection whose executor says
// nothing; between two statements of a job pass milliseconds.
const idleLimit = time.Minute

// setLimits sets the limits by which the server ends what the executor no longer can.
// A stricter one of the login stays where the server can say so.
func (s *session) setLimits(bound, job context.Context) error {
	set := func(name string, limit int64, format string) error {
		err := s.link.run(bound, "SET SESSION "+format, name, max(limit, 1))
		if isFromServer(err) {
			s.engine.lacks.Tell(name, "the server ends nothing by this limit when the executor is gone")
			return nil
		}
		return err
	}
	if err := set("wait_timeout", int64(idleLimit/time.Second), "%s = %d"); err != nil {
		return err
	}
	limit, ok := sql.Limit(job)
	if !ok {
		return nil
	}
	format := "%s = %d"
	if s.link.dialect.atomic {
		format = "%[1]s = IF(@@%[1]s > 0, LEAST(@@%[1]s, %[2]d), %[2]d)"
	}
	for _, name := range s.link.dialect.limits {
		if err := set(name, int64(limit/s.link.dialect.unit), format); err != nil {
			return err
		}
	}
	return nil
}
