package executor_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

// pieces are what passwords are announced by, and what may stand around them.
var pieces = []string{
	"password", "PASSWD", "pwd", " = ", "=", "'", `"`, `\"`, "secret", "sec ret", "\n", " ", "\t", "\r\n", "\f", ";", "@", "host", ":", "/", "://", `:\/\/`, "https", "postgres://u:", "https://tok@",
	"Authorization", "authorization\": \"", "Bearer ", "basic", "token\n", "ä", "\xff", "\x00", "\xe2\x82", "€", "?x=1&", "<", ">", ",", "5432", "...", "\\",
}

// What is shown piece by piece is what is recorded as a whole, whatever a job prints
// and wherever it is cut: no password, and no part of one.
func TestLiveTextIsWhatIsRecorded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var (
			live           executor.LiveText
			printed, shown strings.Builder
			anyPiece       = rapid.SampledFrom(pieces)
			anyCut         = rapid.IntRange(0, 3)
		)
		for range rapid.IntRange(1, 25).Draw(t, "pieces") {
			piece := anyPiece.Draw(t, "piece")
			at := min(anyCut.Draw(t, "cut"), len(piece))
			for _, part := range []string{piece[:at], piece[at:]} {
				live.Add([]byte(part))
				shown.WriteString(live.Take())
			}
			printed.WriteString(piece)
		}
		printed.WriteString("@") // so that it is looked at
		if recorded := executor.StoredText(printed.String()); !strings.HasPrefix(recorded, shown.String()) {
			t.Fatalf("of %q\n%q is shown\n%q is recorded", printed.String(), shown.String(), recorded)
		}
		if !utf8.ValidString(shown.String()) || strings.Contains(shown.String(), "\x00") {
			t.Fatalf("%q is shown", shown.String())
		}
	})
}

func TestLiveTextShowsLinesAtOnceAndWaitsForPasswords(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("abcdefghij/", 1000)
	cut := len(long) - 65 // before a letter
	for _, tt := range []struct {
		printed []string
		shown   []string
	}{
		{[]string{"line 1\n", "line 2\n"}, []string{"line 1\n", "line 2\n"}},
		{[]string{"half", " a line", "\n"}, []string{"", "half a ", "line\n"}},
		{[]string{"postgres://u:pa", "ss@host/db\n"}, []string{"", "postgres://u:[redacted]@host/db\n"}},
		{[]string{"set password", " =\n", "'two\n", "lines' now\n"}, []string{"set ", "", "", "password =\n[redacted] now\n"}},
		{[]string{"Authorization: Bearer ", "abc", "def\n"}, []string{"", "", "Authorization: Bearer [redacted]\n"}},
		{[]string{"\xe2\x82", "\xac \xff\n"}, []string{"", "€ \\xff\n"}},
		{[]string{"it's late\n", "it's password='\n" + strings.Repeat("x\n", 9000), "lost\n"}, []string{"it's late\n", "it's ", ""}},
		{[]string{long, "https://u:p@host\n"}, []string{long[:cut], long[cut:] + "https://u:[redacted]@host\n"}},
		{[]string{"password = " + long, long + "\n"}, []string{"", "password = [redacted]\n"}},
		{[]string{"password = " + long + long, "\n"}, []string{"", ""}},
	} {
		var live executor.LiveText
		for i, piece := range tt.printed {
			live.Add([]byte(piece))
			if got, want := live.Take(), tt.shown[i]; got != want {
				t.Errorf("of %.80q, piece %d: %.80q of %d bytes is shown, want %.80q of %d", tt.printed, i, got, len(got), want, len(want))
			}
		}
	}
}

func TestLiveTextIsBounded(t *testing.T) {
	t.Parallel()
	var live executor.LiveText
	line := []byte(strings.Repeat("ä", 510) + "\n") // no chunk ends where a rune does
	var shown strings.Builder
	for range 2 * store.MaxLiveOutput / len(line) {
		live.Add(line)
		for chunk := live.Take(); chunk != ""; chunk = live.Take() {
			if len(chunk) > store.MaxLiveChunk || !utf8.ValidString(chunk) {
				t.Fatalf("a chunk has %d bytes, valid: %v", len(chunk), utf8.ValidString(chunk))
			}
			shown.WriteString(chunk)
		}
	}
	if n := shown.Len(); n > store.MaxLiveOutput || n <= store.MaxLiveOutput-utf8.UTFMax {
		t.Errorf("%d bytes are shown", n)
	}
	if want := strings.Repeat(string(line), 2*store.MaxLiveOutput/len(line)); !strings.HasPrefix(want, shown.String()) {
		t.Errorf("something else is shown: %s", fmt.Sprint(shown.Len()))
	}
}
