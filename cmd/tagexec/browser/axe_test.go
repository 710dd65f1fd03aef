package browser

import (
	_ "embed"
	"fmt"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/store/storetest"
)

// axe is axe-core 4.14.1, under the Mozilla Public License 2.0 (testdata/axe/LICENSE).
//
//go:embed testdata/axe/axe.min.js
var axe string

// hostile is a text that does something wherever it is not taken for a text, and that
// breaks nowhere.
const hostile = `<img src=x onerror=alert(1)>"'><script>alert(2)</script>{{.}}&lt;%00/../?#é_` + "\u202e_`$(x)`_WWWWWWWW"

// queues are what pages are looked at with.
var queues = map[string]func(*storetest.DB){
	"empty":   func(*storetest.DB) {},
	"full":    func(db *storetest.DB) { db.Fill("high_value", "https://airflow.example/log") },
	"hostile": func(db *storetest.DB) { db.Fill(hostile, "javascript:alert(3)//"+hostile) },
}

// violations runs axe on the page, and returns what it finds.
const violations = `axe.run(document, {resultTypes: ["violations"]}).then((r) => r.violations.flatMap((v) => v.nodes.map((n) => v.id + ": " + n.html.slice(0, 300) + " " + n.failureSummary)))`

// Every page, in both themes, wide and narrow, with nothing in it, with a bit of all, and
// with hostile text: nothing that axe finds, nothing on the console, no scrolling sideways.
func TestAccessible(t *testing.T) {
	for name, fill := range queues {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			fill(db)
			address := dashboard(t, db.URL)
			b := open(t, "404 (Not Found)")
			seen := map[string]bool{}
			for _, path := range pages(t, address) {
				b.size(1280, 900)
				b.visit(address + still(path))
				evaluate[bool](b, axe+"; true")
				for _, width := range []int64{1280, 360} {
					b.size(width, 900)
					for _, theme := range []string{"light", "dark"} {
						b.theme(theme)
						for _, v := range evaluate[[]string](b, violations) {
							if !seen[v] {
								t.Errorf("%s, %s, %d px: %s", path, theme, width, v)
							}
							seen[v] = true
						}
					}
					if over := evaluate[int64](b, "document.documentElement.scrollWidth"); over > width {
						t.Errorf("%s: %d px wide on %d px: %s", path, over, width, evaluate[string](b, wide))
					}
				}
				if nodes := evaluate[int](b, "document.querySelectorAll('*').length"); nodes > 3000 {
					t.Errorf("%s has %d elements", path, nodes)
				}
			}
		})
	}
}

// wide names what is wider than the window.
const wide = `[...document.querySelectorAll("main *, header *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1).slice(0, 3).map((e) => e.outerHTML.slice(0, 200)).join("\n")`

// still is a page that does not keep itself up to date.
func still(path string) string {
	if strings.Contains(path, "?") {
		return path + "&live=0"
	}
	return fmt.Sprint(path, "?live=0")
}

// A check that finds nothing may be one that does not look.
func TestAxeFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.visit(dashboard(t, storetest.New(t).URL))
	evaluate[bool](b, axe+"; true")
	evaluate[bool](b, `document.documentElement.removeAttribute("lang"); document.querySelector("h1").style.color = "#ccc"; true`)
	found := strings.Join(evaluate[[]string](b, violations), "\n")
	for _, rule := range []string{"html-has-lang", "color-contrast"} {
		if !strings.Contains(found, rule+":") {
			t.Errorf("%s is not among what axe finds: %s", rule, found)
		}
	}
}
