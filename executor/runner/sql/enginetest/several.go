package enginetest

import (
	"strings"

	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/executor/runner/sql"
)

func severalStatements(s *suite) {
	r := s.newRunner(s.URL, 1)
	broken := []string{s.SQL.Insert(3), s.SQL.Wrong[0].Statement, s.SQL.Insert(3)}
	_, err := s.run(r, several(true, broken...))
	f := s.failure(err)
	s.wantRows("0")
	if s.traits.Atomic {
		s.names(f.Message, "statement 2 of 3")
	} else if f.Code != sql.BadPayload || !f.Permanent || !strings.Contains(f.Message, `"atomic": false`) {
		s.Errorf("a transaction, which the engine does not have, is %v", f)
	}
	s.stays(r, broken)
}

// stays checks what is said of statements that are no transaction.
func (s *suite) stays(r *runner.SQL, broken []string) {
	s.Helper()
	_, err := s.run(r, several(false, broken...))
	s.names(s.failure(err).Message, "statement 2 of 3", "what statement 1 did stays")
	s.wantRows("3")
	s.empty()
	broken = append([]string{s.SQL.Row}, broken...)
	_, err = s.run(r, several(false, broken...))
	s.names(s.failure(err).Message, "statement 3 of 4", "what statements 1 to 2 did stays")
	s.wantRows("3")
	s.empty()
	s.succeed(r, several(false, s.SQL.Insert(3), s.SQL.Insert(4)))
	s.wantRows("7")
}

func endedTransaction(s *suite) {
	r := s.newRunner(s.URL, 1)
	for _, ends := range s.SQL.Ends {
		_, err := s.run(r, s.payload(s.SQL.Insert(1), ends, s.SQL.Insert(1)))
		f := s.failure(err)
		if f.Code != "transaction_ended" || !f.Permanent {
			s.Errorf("%s: got %v, want a permanent transaction_ended", ends, f)
		}
		s.names(f.Message, "statement 2 of 3")
	}
	s.empty() // what a COMMIT stored
}

// names checks that a message holds all parts.
func (s *suite) names(message string, parts ...string) {
	s.Helper()
	for _, part := range parts {
		if !strings.Contains(message, part) {
			s.Errorf("the message %q does not say %q", message, part)
		}
	}
}
