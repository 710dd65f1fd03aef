package enginetest

import (
	"slices"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor/runner/sql"
)

func TestExemptionsThatTraitsContradict(t *testing.T) {
	t.Parallel()
	atomic := sql.Traits{Engine: "x", Atomic: true, Counts: true, Arguments: sql.Listed, EndedBy: "KILL"}
	for name, c := range map[string]struct {
		exempt    map[int]string
		traits    sql.Traits
		inProcess bool
		want      []string
	}{
		"none":      {nil, atomic, false, nil},
		"one":       {map[int]string{15: "it has no orphans"}, atomic, false, nil},
		"no reason": {map[int]string{15: " "}, atomic, false, []string{"the exemption from case 15 gives no reason"}},
		"no case":   {map[int]string{0: "why", 21: "why"}, atomic, false, []string{"there is no case 0 to be exempt from", "there is no case 21 to be exempt from"}},
		"what is promised": {map[int]string{2: "why", 3: "why", 6: "why"}, atomic, false, []string{
			"x cannot be exempt from case 2, rows are counted: its traits promise it",
			"x cannot be exempt from case 3, arguments are bound: its traits promise it",
			"x cannot be exempt from case 6, a transaction that the job ends itself is said: its traits promise it",
		}},
		"what is not promised": {map[int]string{2: "why", 3: "why", 6: "why", 7: "why"}, sql.Traits{}, false, nil},
		"what needs a connection": {map[int]string{9: "why", 14: "why", 6: "why"}, atomic, true, []string{
			"x cannot be exempt from case 6, a transaction that the job ends itself is said: its traits promise it",
		}},
		"what all must say": {map[int]string{5: "why"}, sql.Traits{}, false, []string{
			"an engine cannot be exempt from case 5, several statements are one transaction, or are said not to be: its traits promise it",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := wrongExemptions(c.exempt, c.traits, c.inProcess); !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestCommitIsNotReadCommitted(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"Q\x00\x00\x00\x0bCOMMIT\x00": true, "BEGIN ISOLATION LEVEL READ COMMITTED": false, "": false} {
		if commits([]byte(text)) != want {
			t.Errorf("%q commits: %v", text, !want)
		}
	}
}

func TestMomentsComeFromAllOfTheTime(t *testing.T) {
	t.Parallel()
	list := moments(20, 20*time.Second)
	slices.Sort(list)
	for i, moment := range list {
		if second := int(moment / time.Second); second != i {
			t.Errorf("moment %d of 20 within 20 s is %s", i, moment)
		}
	}
}
