package runner

import (
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/tagexec/tagexec/executor"
)

// watched is an output that was read piece by piece while it was written.
type watched struct {
	text strings.Builder
	next int64
}

func (w *watched) look(from executor.Output) {
	text, next := from.From(w.next)
	w.text.Write(text)
	w.next = next
}

// What is shown while a command prints is what is recorded at its end, whatever it
// prints and whenever somebody looks: a secret that is half written is not shown.
func TestRedactedOutputIsShownAsItIsRecorded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.SampledFrom([]string{"s3cr3t/pa=ss", "Bearer abcdefgh12345678", "Basic " + base64.StdEncoding.EncodeToString([]byte("me:pass wörd")), "line one\nline two of it", `quo"ted\ and &`}).Draw(t, "secret")
		var r redactor
		r.add(secret)
		var spelled []string
		for _, f := range r.forms {
			spelled = append(spelled, f.text)
		}
		spelled = append(spelled, strings.ReplaceAll(fmt.Sprintf("%q", secret), "/", `\/`), percent(secret), strings.ReplaceAll(secret, "=", "=3D"))
		word := rapid.OneOf(rapid.SampledFrom(spelled), rapid.SampledFrom([]string{" ", "\n", "\\", "=\n", "%2", "&amp;", "&", "word", "ä", "\xff", "\\u00", "s3", "Bearer ", "line"}))
		var (
			c       Capture
			w       watched
			written strings.Builder
		)
		for range rapid.IntRange(1, 30).Draw(t, "pieces") {
			piece := word.Draw(t, "piece")
			piece = piece[rapid.IntRange(0, len(piece)).Draw(t, "from"):]
			_, _ = c.Write([]byte(piece))
			written.WriteString(piece)
			if rapid.Bool().Draw(t, "look") {
				w.look(redacted{&c, &r})
			}
		}
		if recorded := r.text(written.String()); !strings.HasPrefix(recorded, w.text.String()) {
			t.Fatalf("of %q\n%q is shown\n%q is recorded", written.String(), w.text.String(), recorded)
		}
		_, _ = c.Write([]byte("\nthe end, xyz\nxyz\n"))
		if w.look(redacted{&c, &r}); !strings.HasSuffix(w.text.String(), "xyz") && !strings.HasSuffix(w.text.String(), "xyz\n") {
			t.Fatalf("of %q\nonly %q is shown", written.String(), w.text.String())
		}
	})
}

func percent(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, "%%%02x", c)
	}
	return b.String()
}

// Who looks too seldom misses what is not kept, and is told how much.
func TestCaptureFromMarksWhatIsNotKept(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var (
			c       Capture
			w       watched
			written strings.Builder
			number  int
		)
		for range rapid.IntRange(1, 12).Draw(t, "pieces") {
			for range rapid.IntRange(1, 4000).Draw(t, "lines") {
				number++
				_, _ = fmt.Fprintf(&c, "line %d\n", number)
				fmt.Fprintf(&written, "line %d\n", number)
			}
			if rapid.Bool().Draw(t, "look") {
				w.look(&c)
			}
		}
		w.look(&c)
		rest, text := written.String(), w.text.String()
		for text != "" {
			shown, after, marked := strings.Cut(text, "\n… ")
			if !strings.HasPrefix(rest, shown) {
				t.Fatalf("%.200q is shown where %.200q was written", shown, rest)
			}
			rest = rest[len(shown):]
			if !marked {
				break
			}
			count, after, _ := strings.Cut(after, " bytes left out …\n")
			var left int
			if _, err := fmt.Sscan(strings.ReplaceAll(count, ",", ""), &left); err != nil || left < 1 {
				t.Fatalf("%q bytes are left out", count)
			}
			rest, text = rest[left:], after
		}
		if rest != "" {
			t.Fatalf("%d bytes at the end are not shown", len(rest))
		}
	})
}

func TestCaptureFromMayBeCalledWhileItIsWritten(t *testing.T) {
	t.Parallel()
	const line = "a line of some length\n"
	var (
		c       Capture
		w       watched
		writing sync.WaitGroup
	)
	writing.Go(func() {
		for range 1500 { // as much as is kept
			_, _ = c.Write([]byte(line))
		}
	})
	for w.next < int64(1500*len(line)) {
		w.look(&c)
	}
	writing.Wait()
	if got := strings.ReplaceAll(w.text.String(), line, ""); got != "" {
		t.Errorf("%.100q was shown beside the lines", got)
	}
}
