package enginetest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/executor/runner/sql"
)

// cases are the twenty, by their numbers from 1.
var cases = []struct {
	name string
	run  func(*suite)
}{
	{"the first row becomes the result", firstRow},
	{"rows are counted", rowsAffected},
	{"arguments are bound", bindings},
	{"two statements in one text are refused", twoInOneText},
	{"several statements are one transaction, or are said not to be", severalStatements},
	{"a transaction that the job ends itself is said", endedTransaction},
	{"the deadline ends a statement in the server", deadlineEndsSelect},
	{"a cancel ends a write in the server", cancelEndsWrite},
	{"a cancel between statements and just before COMMIT", cancelBetween},
	{"cancels at random moments", randomCancels},
	{"a cancel while the server is frozen", cancelWhileFrozen},
	{"the executor is killed during a write", executorKilled},
	{"the connection is lost during a statement", connectionLost},
	{"the answer to what stores the work is lost", answerLost},
	{"a second attempt ends the orphan of the first", orphanEnded},
	{"what can never pass is permanent", neverPasses},
	{"what may pass another time is tried again", mayPass},
	{"a session leaks nothing to the next job", nothingLeaks},
	{"no connection: clear words and no part of the login", noConnection},
	{"a large result, the job in the server's list, nothing left open", largeResult},
}

// suite is one case of one engine.
type suite struct {
	testing.TB
	Fixture
	traits sql.Traits
	log    *logged // of all runners of the case
}

// Run runs the cases.
func Run(t *testing.T, f Fixture) {
	source, err := runner.ParseSource(f.URL)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := source.Engine(sql.Options{Connections: 1, Log: (&logged{}).logger()})
	if err != nil {
		t.Fatal(err)
	}
	traits := engine.Traits()
	engine.Close()
	for _, problem := range wrongExemptions(f.Exempt, traits, f.InProcess) {
		t.Error(problem)
	}
	for i, c := range cases {
		number := i + 1
		if why, ok := f.Exempt[number]; ok {
			t.Logf("%s is exempt from case %d, %s: %s", traits.Engine, number, c.name, why)
			continue
		}
		t.Run(fmt.Sprintf("%02d %s", number, c.name), func(t *testing.T) {
			s := &suite{TB: t, Fixture: f, traits: traits, log: &logged{}}
			s.Cleanup(s.killRest)
			s.empty()
			c.run(s)
			s.nothingRuns()
			s.noSecretLogged()
		})
	}
}

// killRest ends in the server what a case left that failed: the next one needs the table.
func (s *suite) killRest() {
	if !s.Failed() || s.Admin.Kill == nil {
		return
	}
	for _, running := range s.Admin.Running(s) {
		s.Admin.Kill(s, running)
	}
}

// promised are the cases from which traits allow no exemption. Two of them need a
// connection that a test can reach.
func promised(traits sql.Traits, inProcess bool) map[int]bool {
	return map[int]bool{
		2: traits.Counts, 3: traits.Arguments != sql.None, 5: true, 6: traits.Atomic, 9: traits.Atomic && !inProcess, 14: traits.Atomic && !inProcess,
		7: traits.EndedBy != "", 8: traits.EndedBy != "", 10: traits.EndedBy != "", 12: traits.OrphanEndedBy != "",
	}
}

// wrongExemptions says which exemptions are none.
func wrongExemptions(exempt map[int]string, traits sql.Traits, inProcess bool) (problems []string) {
	for _, number := range slices.Sorted(maps.Keys(exempt)) {
		switch {
		case number < 1 || number > len(cases):
			problems = append(problems, fmt.Sprintf("there is no case %d to be exempt from", number))
		case strings.TrimSpace(exempt[number]) == "":
			problems = append(problems, fmt.Sprintf("the exemption from case %d gives no reason", number))
		case promised(traits, inProcess)[number]:
			problems = append(problems, fmt.Sprintf("%s cannot be exempt from case %d, %s: its traits promise it", cmp.Or(traits.Engine, "an engine"), number, cases[number-1].name))
		}
	}
	return problems
}
