package page_test

import (
	"html"
	"regexp"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/page"
	"github.com/tagexec/tagexec/store/storetest"
)

// names are those that an address could get wrong.
var names = []string{"a/b", "a//b", "/a", ".", "..", "../..", "a%2Fb", "%", "a?b=c", "#", "a b", "a+b", "é\u0301 ☃", `"><`, ":", "a;b", "nightly:2026-11-22", "back\\slash", "a&b"}

// Whatever a batch or a pool is called, the links to its page lead there, and so does the
// page's own to itself.
func TestEveryNameHasAPage(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for _, name := range names {
		db.Exec("INSERT INTO tagexec.tag_pools (pool) VALUES ($1)", name)
		db.Insert(storetest.Row{"batch": name, "pool": name})
	}
	for _, base := range []string{"", "/ops"} {
		p := newPage(t, db.URL, func(c *page.Config) { c.BasePath = base })
		for path, link := range map[string]*regexp.Regexp{
			"/batches": regexp.MustCompile(`<a href="([^"]*/batches/[^"]*)">([^<]*)</a></th>`),
			"/":        regexp.MustCompile(`<a href="([^"]*/pools/[^"]*)">([^<]*)</a></th>`),
		} {
			links := link.FindAllStringSubmatch(as(t, p, olu).get(base+path).Body, -1)
			if len(links) < len(names) {
				t.Errorf("%d links on %s to %d things", len(links), path, len(names))
			}
			for _, l := range links {
				address, name := html.UnescapeString(l[1]), l[2]
				got := as(t, p, olu).get(address).want(200, name)
				if itself := `hx-get="` + l[1] + `"`; !strings.Contains(got.Body, itself) {
					t.Errorf("%s does not ask for %s", got.asked, itself)
				}
			}
		}
	}
}
