package executor_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/tagexec/tagexec/executor"
)

func checkText(t interface{ Fatalf(string, ...any) }, s string) {
	clean := executor.CleanText(s)
	if !utf8.ValidString(clean) || strings.ContainsRune(clean, 0) || executor.CleanText(clean) != clean {
		t.Fatalf("CleanText(%q) = %q", s, clean)
	}
	if utf8.ValidString(s) && !strings.ContainsRune(s, 0) && clean != s {
		t.Fatalf("CleanText changed %q to %q", s, clean)
	}
	for _, cut := range []struct {
		name  string
		cut   func(string, int) string
		limit int
	}{
		{"CutEnd", executor.CutEnd, 3},
		{"CutEnd", executor.CutEnd, 10},
		{"CutEnd", executor.CutEnd, 100},
		{"CutMiddle", executor.CutMiddle, 100},
		{"CutMiddle", executor.CutMiddle, 1000},
	} {
		short := cut.cut(clean, cut.limit)
		if len(short) > cut.limit || !utf8.ValidString(short) || cut.cut(short, cut.limit) != short {
			t.Fatalf("%s(%q, %d) = %q", cut.name, clean, cut.limit, short)
		}
		if len(clean) <= cut.limit && short != clean {
			t.Fatalf("%s(%q, %d) cut what fits", cut.name, clean, cut.limit)
		}
		if len(clean) > cut.limit && !strings.Contains(short, "…") {
			t.Fatalf("%s(%q, %d) has no mark", cut.name, clean, cut.limit)
		}
	}
}

func checkJSON(t interface{ Fatalf(string, ...any) }, raw []byte) {
	clean := executor.CleanJSON(bytes.Clone(raw))
	if len(raw) == 0 {
		if clean != nil {
			t.Fatalf("CleanJSON of nothing is %q", clean)
		}
		return
	}
	if !json.Valid(clean) || !utf8.Valid(clean) || len(clean) > executor.MaxValue {
		t.Fatalf("CleanJSON(%q) = %q", raw, clean)
	}
	if again := executor.CleanJSON(bytes.Clone(clean)); !bytes.Equal(again, clean) {
		t.Fatalf("CleanJSON(%q) = %q, and again %q", raw, clean, again)
	}
	if bytes.Contains(bytes.ReplaceAll(clean, []byte(`\\`), nil), []byte(`\u0000`)) {
		t.Fatalf("CleanJSON(%q) = %q holds NUL", raw, clean)
	}
}

func FuzzCleanText(f *testing.F) {
	for _, s := range []string{"", "plain", "\x00", "\xff\xfe", "a\x00b", "日本語", "\xe6\x97", strings.Repeat("é", 200), strings.Repeat("\x80", 200)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkText(t, s) })
}

func FuzzCleanJSON(f *testing.F) {
	for _, s := range nastyJSON() {
		if len(s) < 10_000 {
			f.Add([]byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) { checkJSON(t, raw) })
}

func TestCleanTextProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkText(t, string(rapid.SliceOfN(rapid.Byte(), 0, 3000).Draw(t, "bytes")))
		checkText(t, rapid.StringN(0, 1000, -1).Draw(t, "text"))
	})
}

func TestCleanJSONProperties(t *testing.T) {
	value := rapid.Deferred(func() *rapid.Generator[any] { return anyJSON(4) })
	rapid.Check(t, func(t *rapid.T) {
		raw, err := json.Marshal(value.Draw(t, "value"))
		if err != nil {
			t.Fatal(err)
		}
		checkJSON(t, raw)
		raw = bytes.ReplaceAll(raw, []byte("a"), []byte(rapid.SampledFrom([]string{`\u0000`, `\ud800`, `\udc00\ud800`, "\xff", `\n`, "a"}).Draw(t, "a")))
		checkJSON(t, raw)
	})
}

func anyJSON(depth int) *rapid.Generator[any] {
	simple := rapid.OneOf(
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.Float64Range(-1e300, 1e300).AsAny(), rapid.Int64().AsAny(), rapid.String().AsAny(),
		rapid.SampledFrom([]any{"a", "aa", json.Number("1e999"), json.Number("1E-5"), json.Number("-0")}))
	if depth == 0 {
		return simple
	}
	return rapid.OneOf(simple,
		rapid.SliceOfN(anyJSON(depth-1), 0, 4).AsAny(),
		rapid.MapOfN(rapid.OneOf(rapid.String(), rapid.Just("a")), anyJSON(depth-1), 0, 4).AsAny())
}

// nastyJSON are results that jsonb refuses as they are, and some that it takes.
func nastyJSON() []string {
	deep := func(n int) string { return strings.Repeat(`[`, n) + strings.Repeat(`]`, n) }
	return []string{
		"null", "{}", `""`, "1", `{"a": [1, 2.5, "x"], "b": null}`, "\"\u2028\"",
		`"\u0000"`, `{"\u0000": 1}`, `"\ud800"`, `"\udc00"`, `"\ud83d\ude00"`, `"\\u0000"`, `"\\\u0000"`, "\"\xff\"", "{\"\xff\": 1, \"\xfe\": 2}",
		"1e400", "1e131072", "1e-20000", "1e-99999999999", "-1E+99999999999999999999", `{"n": [1e131072]}`, "1e5", "-0", "0.1",
		strings.Repeat("9", 200_000), "0." + strings.Repeat("9", 200_000), "1" + strings.Repeat("0", 299),
		deep(500), deep(501), deep(5000), deep(20_000), strings.Repeat(`{"a":`, 9000) + "1" + strings.Repeat("}", 9000),
		"", "no JSON", "{", "\x00", "\xff", "[1,]", "NaN", "Infinity", "{} {}", `{"a":1}trailing`, "\ufeff{}",
		`{"a":1,"a":2}`, `"` + strings.Repeat("x", 256<<10) + `"`, strings.Repeat("\x01", 60<<10), strings.Repeat("\x01", 200<<10),
		`"` + strings.Repeat(`\u0000`, 40<<10) + `"`, `["` + strings.Repeat("ü", 1000) + `"]`,
	}
}

// After pg-boss's "failure with circular payload should be safely serialized".
func TestNastyJSON(t *testing.T) {
	for _, raw := range nastyJSON() {
		checkJSON(t, []byte(raw))
	}
	for raw, want := range map[string]string{
		`{"a": [1, 2.5, "x"]}`:                   `{"a": [1, 2.5, "x"]}`, // untouched
		`{"a":"\u0000"}`:                         `{"a":"␀"}`,
		`"\ud800"`:                               "\"\uFFFD\"",
		`"<&>\ud83d\ude00"`:                      `"<&>😀"`,
		"no JSON":                                `"no JSON"`,
		"[1e400, 1e5]":                           `["1e400",1e5]`,
		"[12345678901234567890.10, \"\\u0041\"]": `[12345678901234567890.10,"A"]`,
	} {
		if got := string(executor.CleanJSON(json.RawMessage(raw))); got != want {
			t.Errorf("CleanJSON(%s) = %s, want %s", raw, got, want)
		}
	}
	long := `"` + strings.Repeat("x", executor.MaxValue) + `"`
	if got, want := string(executor.CleanJSON(json.RawMessage(long))), fmt.Sprintf(`{"left_out_bytes": %d}`, len(long)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestCutMiddleKeepsHeadAndTail(t *testing.T) {
	s := "head" + strings.Repeat("x", 10_000) + "tail"
	got := executor.CutMiddle(s, 1000)
	if !strings.HasPrefix(got, "head") || !strings.HasSuffix(got, "tail") || len(got) < 900 {
		t.Errorf("got %q", got)
	}
	var left int
	if _, err := fmt.Sscanf(got[strings.Index(got, "…"):], "… %d bytes left out", &left); err != nil || left != len(s)-2*468 {
		t.Errorf("left out %d: %v", left, err)
	}
}
