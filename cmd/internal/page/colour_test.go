package page

import (
	"html"
	"regexp"
	"strings"
	"testing"
)

var tags = regexp.MustCompile(`<span class="c-[a-z]+">|</span>`)

func TestColoursOfJSON(t *testing.T) {
	t.Parallel()
	got := string(jsonText([]byte(`{"a": 12345678901234567890123, "b": ["x: \"<", null, -1.50e3]}`)))
	for _, want := range []string{
		`<span class="c-key">&#34;a&#34;:</span> <span class="c-number">12345678901234567890123</span>`,
		`<span class="c-string">&#34;x: \&#34;&lt;&#34;</span>`, `<span class="c-word">null</span>`, `<span class="c-number">-1.50e3</span>`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in\n%s", want, got)
		}
	}
}

func TestColoursOfSQL(t *testing.T) {
	t.Parallel()
	got := string(sqlText("SELECT 'it''s', x1 -- why\n  FROM \"from\" /* 1 */ WHERE y = $1 AND z < 10"))
	for _, want := range []string{
		`<span class="c-word">SELECT</span> <span class="c-string">&#39;it&#39;&#39;s&#39;</span>, x1 <span class="c-comment">-- why</span>`,
		`<span class="c-word">FROM</span> &#34;from&#34; <span class="c-comment">/* 1 */</span>`, `z &lt; <span class="c-number">10</span>`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in\n%s", want, got)
		}
	}
}

// Colours add nothing to a text and take nothing away, whatever it is; no tag but ours
// gets out.
func FuzzColours(f *testing.F) {
	for _, text := range []string{"", `{"a": "<script>alert(1)</script>"}`, "'", `"`, "/*", "$$ $x$", "\x00\xff", "<span class=\"c-x\">", `"\`, strings.Repeat("a'", 40_000)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, got := range []string{string(sqlText(text)), string(jsonText([]byte(text)))} {
			rest := tags.ReplaceAllString(got, "")
			if strings.ContainsAny(rest, "<>\"'") {
				t.Errorf("%q becomes %q", text, got)
			}
			if strings.Join(strings.Fields(html.UnescapeString(rest)), "") != strings.Join(strings.Fields(strings.ReplaceAll(text, "\x00", "\uFFFD")), "") {
				t.Errorf("%q becomes %q", text, got)
			}
		}
	})
}
