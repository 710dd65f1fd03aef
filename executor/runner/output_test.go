package runner_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/tagexec/tagexec/executor/runner"
)

const kept = 32 << 10 // of each end

// checkCapture writes the pieces and checks the text against their sum.
func checkCapture(t interface {
	Helper()
	Fatalf(string, ...any)
}, pieces ...[]byte) {
	t.Helper()
	var c runner.Capture
	var all strings.Builder
	for _, p := range pieces {
		if n, err := c.Write(p); n != len(p) || err != nil {
			t.Fatalf("Write: %d, %v", n, err)
		}
		all.Write(p)
	}
	whole, got := all.String(), c.String()
	if c.Len() != int64(len(whole)) {
		t.Fatalf("Len is %d, want %d", c.Len(), len(whole))
	}
	if len(whole) <= 2*kept {
		if got != whole {
			t.Fatalf("%d bytes came back changed", len(whole))
		}
		return
	}
	if len(got) > 2*kept+64 {
		t.Fatalf("kept %d bytes", len(got))
	}
	// Each end is at most a word and a rune shorter.
	const least = kept - 1<<10 - 3
	head, rest, _ := strings.Cut(got, "\n… ")
	count, tail, _ := strings.Cut(rest, " bytes left out …\n")
	if len(head) < least || len(tail) < least || !strings.HasPrefix(whole, head) || !strings.HasSuffix(whole, tail) ||
		count != commas(len(whole)-len(head)-len(tail)) {
		t.Fatalf("the text of %d bytes is not head, count and tail", len(whole))
	}
	if utf8.ValidString(whole) && !utf8.ValidString(got) {
		t.Fatalf("a rune was cut")
	}
}

// Nobody could tell that the rest of a URL is a password.
func TestCaptureCutsNoWord(t *testing.T) {
	t.Parallel()
	var c runner.Capture
	const word = "postgres://etl:S3cretPw@warehouse/db "
	_, _ = c.Write([]byte(strings.Repeat(word, 4000)))
	for line := range strings.Lines(c.String()) {
		if !strings.Contains(line, "left out") && strings.ReplaceAll(strings.TrimSpace(line)+" ", word, "") != "" {
			t.Errorf("a word was cut: …%s", line[max(0, len(line)-50):])
		}
	}
}

func commas(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return commas(n/1000) + fmt.Sprintf(",%03d", n%1000)
}

func TestCaptureKeepsHeadTailAndCount(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) []byte {
			unit := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "unit")
			return []byte(strings.Repeat(unit, rapid.IntRange(0, 4000).Draw(t, "times")))
		}), 0, 6).Draw(t, "pieces")
		checkCapture(t, pieces...)
	})
}

func FuzzCapture(f *testing.F) {
	f.Add([]byte("héllo\x00"), 30000)
	f.Add([]byte("\xff\xfe€"), 40000)
	f.Add([]byte("🦉"), 20000)
	f.Fuzz(func(t *testing.T, unit []byte, times int) {
		times = min(max(times, 0), 100_000)
		if len(unit)*times > 1<<20 {
			return
		}
		checkCapture(t, []byte("x"), []byte(strings.Repeat(string(unit), times)), unit)
	})
}

func TestCaptureStaysSmall(t *testing.T) {
	var c runner.Capture
	chunk := make([]byte, 1<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 4096 {
		_, _ = c.Write(chunk)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
		t.Errorf("allocated %d bytes for 4 GB", grown)
	}
	if !strings.Contains(c.String(), "4,294,901,760 bytes left out") {
		t.Error("the count is wrong")
	}
}

func TestCaptureTakesWritersAtOnce(t *testing.T) {
	t.Parallel()
	var c runner.Capture
	var writers sync.WaitGroup
	for i := range 8 {
		writers.Go(func() {
			for range 1000 {
				_, _ = fmt.Fprintf(&c, "%d%d%d%d\n", i, i, i, i)
				_ = c.Len()
			}
		})
	}
	writers.Wait()
	if c.Len() != 8*1000*5 {
		t.Errorf("Len is %d", c.Len())
	}
	for line := range strings.Lines(c.String()) {
		if len(line) == 5 && strings.Count(line, line[:1]) != 4 {
			t.Fatalf("mixed line %q", line)
		}
	}
}
