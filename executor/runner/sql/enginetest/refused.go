package enginetest

import (
	"strings"
	"time"

	"github.com/tagexec/tagexec/executor"
)

// maxMessage is the longest message of a failure, in bytes, with what the runner
// writes before and behind that of the server.
const maxMessage = 1<<10 + 200

func neverPasses(s *suite) {
	r := s.newRunner(s.URL, 1)
	for _, wrong := range s.SQL.Wrong {
		report, err := s.run(r, s.payload(wrong.Statement))
		f := s.failure(err)
		if f.Code != wrong.Code || !f.Permanent {
			s.Errorf("%s: got %v, permanent %v, want a permanent %s", wrong.Name, f, f.Permanent, wrong.Code)
		}
		s.fit(wrong.Name, wrong.Statement, f)
		if report.Value != nil || report.RowsAffected != nil {
			s.Errorf("%s: it has a result", wrong.Name)
		}
		s.Logf("%s: %v", wrong.Name, f)
	}
}

func mayPass(s *suite) {
	r := s.newRunner(s.URL, 1)
	for _, c := range s.SQL.Retryable {
		if c.Before != nil {
			c.Before(s)
		}
		f := s.failure(s.start(r, s.payload(c.Statement)).within(time.Minute))
		if f.Code != c.Code || f.Permanent {
			s.Errorf("%s: got %v, permanent %v, want a %s that may be tried again", c.Name, f, f.Permanent, c.Code)
		}
		s.fit(c.Name, c.Statement, f)
		s.Logf("%s: %v", c.Name, f)
	}
	if s.Admin.Kill == nil && s.InProcess {
		return
	}
	run := s.start(r, s.payload(s.SQL.SlowSelect))
	s.Admin.Kill(s, s.listed(s.SQL.SlowSelect))
	if f := s.failure(run.within(30 * time.Second)); f.Code != s.SQL.KilledBy || f.Permanent {
		s.Errorf("ended by an operator: got %v, permanent %v, want a %s that may be tried again", f, f.Permanent, s.SQL.KilledBy)
	}
}

// fit checks that everybody may read a failure.
func (s *suite) fit(name, statement string, f *executor.Failure) {
	s.Helper()
	_, password := s.login()
	for what, text := range map[string]string{"data": Datum, "the statement": statement, "the password": password} {
		if text != "" && strings.Contains(f.Message, text) {
			s.Errorf("%s: the message holds %s: %q", name, what, f.Message)
		}
	}
	if len(f.Message) > maxMessage || strings.Contains(f.Message, "\n") {
		s.Errorf("%s: the message is not one short line: %q", name, f.Message)
	}
}
