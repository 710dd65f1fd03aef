package report_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/store/report"
)

func output(text string, bytes int64) report.Output {
	return report.Output{Output: &text, OutputBytes: bytes}
}

// Whatever was printed, however much of it was shown: what is shown and what follows are
// what was printed, nothing lost and nothing doubled, also where all lines are the same.
func TestRestGoesOnWhereWhatWasShownEnds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var (
			all  strings.Builder
			kept runner.Capture
		)
		same := rapid.Bool().Draw(t, "all lines are the same")
		for i := range rapid.SampledFrom([]int{0, 10, 1400, 3000, 3300, 9000}).Draw(t, "lines") {
			line := "a line like any other\n"
			if !same {
				line = fmt.Sprintf("line %d\n", i)
			}
			all.WriteString(line)
			_, _ = kept.Write([]byte(line))
		}
		printed := all.String()
		left := rapid.SampledFrom([]int{0, 1, 50, 3000, 20_000, 32_700, 33_000, 60_000, 100_000}).Draw(t, "left") - rapid.IntRange(0, 100).Draw(t, "less")
		end := len(printed) - max(0, min(left, len(printed)))
		shown := printed[:strings.LastIndexAny(printed[:end], "\n ")+1] // as by Capture.From
		rest, missing, ok := output(kept.String(), kept.Len()).Rest(shown, int64(len(shown)))
		if !ok {
			t.Fatal("the record does not begin with what was shown")
		}
		recorded := kept.String()
		whole := shown + rest
		switch _, tail, cut := strings.Cut(recorded, " bytes left out …\n"); {
		case strings.HasPrefix(recorded, shown):
			if whole != recorded {
				t.Fatalf("%d bytes of the head were shown, %d follow", len(shown), len(rest))
			}
		case !cut:
			t.Fatal("it was not cut")
		case len(shown) < len(printed)-len(tail):
			if want := int64(len(printed) - len(tail) - len(shown)); rest != tail || missing != want {
				t.Fatalf("%d bytes of the tail follow, %d of %d are missing", len(rest), missing, want)
			}
		case whole != printed || missing != 0:
			t.Fatalf("%d bytes of %d were shown, %d follow, %d are missing", len(shown), len(printed), len(rest), missing)
		}
	})
}

func TestRestOfOtherOutput(t *testing.T) {
	t.Parallel()
	const mark = "\n… 1,000 bytes left out …\n"
	for _, tt := range []struct {
		recorded, shown string
		bytes, printed  int64
		rest            string
		missing         int64
		ok              bool
	}{
		{"", "", 0, 0, "", 0, true},
		{"one\n", "", 4, 0, "one\n", 0, true},
		{"one\n", "one\n", 4, 4, "", 0, true},
		{"", "one\n", 0, 4, "", 0, false},
		{"another\n", "one\n", 8, 4, "another\n", 0, false},
		{"head" + mark + "tail", "head", 1008, 4, mark + "tail", 0, true},
		{"head" + mark + "tail", "head and mo", 1008, 11, "tail", 993, true},
		{"head" + mark + "tail", "head and more ta", 1008, 1006, "il", 0, true},
		{"head" + mark + "tail", "head, then\n… 5 bytes left out …\nmuch ta", 1008, 1006, "il", 0, true},
		{"head" + mark + "tail", "other and more ta", 1008, 1006, "head" + mark + "tail", 0, false},
		{"one" + mark + "two" + mark + "three", "one" + mark + "two and th", 5000, 4997, "ree", 0, true}, // the job printed the first line itself
	} {
		rest, missing, ok := output(tt.recorded, tt.bytes).Rest(tt.shown, tt.printed)
		if rest != tt.rest || missing != tt.missing || ok != tt.ok {
			t.Errorf("%q after %q: %q, %d missing, %v; want %q, %d, %v", tt.recorded, tt.shown, rest, missing, ok, tt.rest, tt.missing, tt.ok)
		}
	}
	if rest, _, ok := (report.Output{}).Rest("", 0); rest != "" || !ok {
		t.Errorf("of nothing follows %q, %v", rest, ok)
	}
}
