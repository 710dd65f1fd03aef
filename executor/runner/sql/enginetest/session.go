package enginetest

import "github.com/tagexec/tagexec/executor/runner"

func nothingLeaks(s *suite) {
	r := s.newRunner(s.URL, 1)
	before := s.state(r, s.SQL.ReadState)
	within := s.state(r, append(s.SQL.SetState[:len(s.SQL.SetState):len(s.SQL.SetState)], s.SQL.ReadState)...)
	if same := within == before; same != s.Stateless {
		s.Errorf("the state is %s before, and %s in the job that sets it", before, within)
	}
	if after := s.state(r, s.SQL.ReadState); after != before {
		s.Errorf("the state was %s, and is %s for the next job", before, after)
	}
	_, err := s.run(r, s.payload(append(s.SQL.SetState[:len(s.SQL.SetState):len(s.SQL.SetState)], s.SQL.Wrong[0].Statement)...))
	s.failure(err)
	if after := s.state(r, s.SQL.ReadState); after != before {
		s.Errorf("the state was %s, and is %s after a job that failed", before, after)
	}
}

// state runs statements in one job, and returns its result.
func (s *suite) state(r *runner.SQL, statements ...string) string {
	s.Helper()
	return string(s.succeed(r, s.payload(statements...)).Value)
}
