package enginetest

import (
	"strconv"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/executor/runner/sql"
)

func firstRow(s *suite) {
	r := s.newRunner(s.URL, 1)
	if got := string(s.succeed(r, s.payload(s.SQL.Row)).Value); got != s.SQL.RowJSON {
		s.Errorf("the result is\n%s, want\n%s", got, s.SQL.RowJSON)
	}
	report := s.succeed(r, s.payload(s.SQL.Row, s.SQL.Insert(1)))
	if report.Value != nil {
		s.Errorf("a job whose last statement returns no row has the result %s", report.Value)
	}
}

func rowsAffected(s *suite) {
	r := s.newRunner(s.URL, 1)
	s.counts(r, s.SQL.Insert(7))
	s.wantRows("7")
	for _, again := range []string{s.SQL.Update, s.SQL.Update, s.SQL.Copy} {
		if again != "" {
			s.counts(r, again)
		}
	}
	if s.SQL.Uncopy != "" {
		s.succeed(r, s.payload(s.SQL.Uncopy))
	}
	if rows := s.succeed(r, s.payload(s.SQL.Row)).RowsAffected; rows != nil && *rows != 0 {
		s.Errorf("a SELECT is said to have changed %d rows", *rows)
	}
}

// counts checks that a statement is said to have changed 7 rows, or nothing is said.
func (s *suite) counts(r *runner.SQL, statement string) {
	s.Helper()
	want := "nothing"
	if s.traits.Counts {
		want = "7"
	}
	if got := rowsOf(s.succeed(r, s.payload(statement))); got != want {
		s.Errorf("%s: it is said to have changed %s rows, want %s", statement, got, want)
	}
}

func rowsOf(report executor.Report) string {
	if report.RowsAffected == nil {
		return "nothing"
	}
	return strconv.FormatInt(*report.RowsAffected, 10)
}

func bindings(s *suite) {
	r := s.newRunner(s.URL, 1)
	few := s.SQL.FewValues
	if s.traits.Arguments == sql.None {
		few = encode(map[string]any{"statement": s.SQL.Insert(1), "args": []int{1}})
	} else if len(s.SQL.Bindings) == 0 {
		s.Error("the engine takes arguments, and the fixture has none")
	}
	for _, b := range s.SQL.Bindings {
		report, err := s.run(r, b.Payload)
		switch {
		case b.Want == "" && err == nil:
			s.Errorf("%s: it became %s", b.Name, report.Value)
		case b.Want != "" && err != nil:
			s.Errorf("%s: %v", b.Name, err)
		case string(report.Value) != b.Want:
			s.Errorf("%s: got %s, want %s", b.Name, report.Value, b.Want)
		}
	}
	_, err := s.run(r, few)
	if f := s.failure(err); f.Code != sql.BadPayload || !f.Permanent {
		s.Errorf("a wrong number of arguments is %v, want a permanent %s", f, sql.BadPayload)
	}
	s.wantRows("0")
}

func twoInOneText(s *suite) {
	r := s.newRunner(s.URL, 1)
	_, err := s.run(r, s.payload(s.SQL.Insert(1)+";\n"+s.SQL.Insert(1)))
	if f := s.failure(err); !f.Permanent {
		s.Errorf("two statements in one text are %v, which may be tried again", f)
	}
	s.wantRows("0")
}
