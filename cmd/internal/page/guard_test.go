package page_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/page"
	"github.com/tagexec/tagexec/store/storetest"
)

// What a browser says of where a request comes from, and whether it is let through: at a
// page whose address is not known, and at one that people reach as https://ops.example.
var origins = map[string]struct {
	header        http.Header
	alone, behind bool
}{
	"nothing, as from curl":                    {http.Header{}, true, true},
	"the same site":                            {http.Header{"Sec-Fetch-Site": {"same-origin"}, "Origin": {"http://page.example"}}, true, true},
	"typed by the user":                        {http.Header{"Sec-Fetch-Site": {"none"}}, true, true},
	"another site":                             {http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}}, false, false},
	"another host of the site":                 {http.Header{"Sec-Fetch-Site": {"same-site"}, "Origin": {"https://evil.page.example"}}, false, false},
	"an older browser":                         {http.Header{"Origin": {"http://page.example"}}, true, true},
	"an older browser, foreign":                {http.Header{"Origin": {"http://evil.example"}}, false, false},
	"a file":                                   {http.Header{"Origin": {"null"}}, false, false},
	"another port":                             {http.Header{"Origin": {"http://page.example:8000"}}, false, false},
	"through the proxy":                        {http.Header{"Origin": {"https://ops.example"}}, false, true},
	"through the proxy, as a new browser says": {http.Header{"Sec-Fetch-Site": {"same-origin"}, "Origin": {"https://ops.example"}}, true, true},
	"another port of the proxy":                {http.Header{"Origin": {"https://ops.example:8443"}}, false, false},
}

func TestWhatAnotherSiteSendsDoesNothing(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	alone := newPage(t, db.URL)
	for _, address := range []string{"", "https://ops.example", "https://Ops.Example:443/tagexec"} {
		p := alone
		if address != "" {
			p = newPage(t, db.URL, func(c *page.Config) { c.URL = address })
		}
		for name, o := range origins {
			want := o.alone
			if address != "" {
				want = o.behind
			}
			for _, route := range page.Routes() {
				method, path, _ := strings.Cut(route, " ")
				g := as(t, p, olu)
				g.header = o.header
				got := g.send(method, parameter.ReplaceAllString(strings.TrimSuffix(path, "{$}"), "x"))
				refused := got.Code == http.StatusForbidden && strings.Contains(got.Body, "This came from another site")
				if method != http.MethodGet && refused == want {
					t.Errorf("page at %q, %s: %s answers %d", address, name, got.asked, got.Code)
				}
				if method == http.MethodGet && refused {
					t.Errorf("page at %q, %s: %s is refused", address, name, got.asked)
				}
			}
		}
	}
}

// A link changes nothing, whatever it says.
func TestALinkChangesNothing(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Insert(storetest.Row{"batch": "b"})
	p := newPage(t, db.URL)
	query := "?reason=why&pool=default&batch=b&job=1&slots=4&which=all&priority=9&theme=dark&tz=Europe/Berlin"
	for _, deed := range page.Deeds() {
		as(t, p, olu).get("/do/" + deed + query)
	}
	if got := as(t, p, olu).get("/settings" + query); got.Header.Get("Set-Cookie") != "" {
		t.Errorf("%s sets %s", got.asked, got.Header.Get("Set-Cookie"))
	}
	storetest.Check(t, "actions", storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_operator_actions"), "0")
	storetest.Check(t, "job", db.State(1), "pending")
}

func TestEveryAnswerBindsTheBrowser(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	p := newPage(t, db.URL)
	for route, list := range addresses {
		method, _, _ := strings.Cut(route, " ")
		for _, a := range list {
			got := as(t, p, olu).send(method, a.path)
			for name, want := range map[string]string{
				"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
				"X-Content-Type-Options":  "nosniff",
				"Referrer-Policy":         "same-origin",
			} {
				if values := got.Header.Values(name); len(values) != 1 || values[0] != want {
					t.Errorf("%s: %s is %q", got.asked, name, values)
				}
			}
			if cache := got.Header.Get("Cache-Control"); cache != "no-store" && !(strings.HasPrefix(a.path, "/assets/") && got.Code == 200) {
				t.Errorf("%s: Cache-Control is %s", got.asked, cache)
			}
		}
	}
}

// Wherever a form wants to lead back to, that is a page of ours.
func TestNoFormLeadsToAnotherSite(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for _, base := range []string{"", "/ops"} {
		p := newPage(t, db.URL, func(c *page.Config) { c.BasePath = base })
		for _, back := range []string{
			"https://evil.example/", "//evil.example/", `/\evil.example/`, `\\evil.example`, "/\t/evil.example", "\t//evil.example", "/\n/evil.example", " //evil.example", "///evil.example",
			"/ops//evil.example", "/ops/\\evil.example", "/ops/../../evil", "/ops/..//evil.example", "/.//evil.example", "/ops.evil.example", "javascript:alert(1)", "data:text/html,x", "evil.example", "", "?x", "/ops",
			"/ops/batches/%2F%2Fevil.example", "/ops/%09/evil.example", "/ops/?back=//evil.example", hostile, base + "/" + hostile,
		} {
			for path, pairs := range map[string][]string{
				"/settings":      {"theme", "dark"},
				"/do/pause-pool": {"pool", "default", "reason", "why"},
			} {
				got := as(t, p, olu).post(base+path, append(pairs, "back", back)...).want(http.StatusSeeOther)
				location := got.Header.Get("Location")
				to, err := url.Parse("http://page.example" + base + "/x")
				if err == nil {
					to, err = to.Parse(location)
				}
				if err != nil || to.Host != "page.example" || to.Scheme != "http" || !strings.HasPrefix(to.Path, base+"/") || strings.HasPrefix(location, "//") || strings.ContainsAny(location, "\\\t\r\n") {
					t.Errorf("%s with back=%q leads to %q %v", got.asked, back, location, err)
				}
			}
			if got := as(t, p, olu).get(base + "/do/pause-pool?pool=default&back=" + url.QueryEscape(back)); wellKept(got.Body, base) != nil {
				t.Errorf("%s: %q", got.asked, wellKept(got.Body, base))
			}
		}
		as(t, p, olu).post(base+"/settings", "back", base+"/batches/a%2Fb?which=open#x").want(http.StatusSeeOther)
	}
}

// Cookies are for the page alone, and hold nothing that is secret.
func TestCookies(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for address, secure := range map[string]bool{"": false, "http://ops.example": false, "https://ops.example": true} {
		p := newPage(t, db.URL, func(c *page.Config) { c.BasePath, c.URL = "/ops", address })
		g := as(t, p, olu)
		got := g.post("/ops/settings", "theme", "dark", "tz", "Europe/Berlin", "keys", "off", "back", "/ops/batches").want(303)
		cookies := (&http.Response{Header: got.Header}).Cookies()
		if len(cookies) != 3 || got.Header.Get("Location") != "/ops/batches" {
			t.Errorf("%d cookies, then %s", len(cookies), got.Header.Get("Location"))
		}
		g.get("/ops/batches").want(200, `data-theme="dark"`, `data-keys="off"`, "Europe/Berlin")
		said := g.post("/ops/do/pause-pool", "pool", "default", "reason", "why").want(303)
		cookies = append(cookies, (&http.Response{Header: said.Header}).Cookies()...)
		for _, c := range cookies {
			if c.Path != "/ops/" || c.SameSite != http.SameSiteLaxMode || c.Secure != secure || c.MaxAge <= 0 || c.Domain != "" || c.HttpOnly != (c.Name == "tagexec_said") {
				t.Errorf("page at %q: %s", address, c)
			}
		}
		g.get("/ops/").want(200, "Pool default is paused.")
		g.get("/ops/").want(200).lacks("Pool default is paused.")
	}
	p := newPage(t, db.URL)
	as(t, p, olu).post("/settings", "tz", "Nowhere/Else").want(400, "There is no time zone")
	as(t, p, olu).post("/settings", "tz", "../../etc/passwd").want(400)
	g := as(t, p, olu)
	g.cookies = map[string]string{"tagexec_theme": `dark"><script>`, "tagexec_tz": "../../etc/passwd", "tagexec_said": "PHNjcmlwdD4", "tagexec_keys": "%zz"}
	if faults := wellKept(g.get("/").want(200, "&lt;script&gt;", "UTC").Body, ""); faults != nil {
		t.Errorf("%q", faults)
	}
}

// A form that is too long is refused before it is all here.
func TestALongFormIsRefused(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	p := newPage(t, db.URL)
	for _, path := range []string{"/settings", "/do/pause-pool"} {
		g := as(t, p, olu)
		r := httptest.NewRequest(http.MethodPost, "http://page.example"+path, strings.NewReader("reason="+strings.Repeat("x", 2<<20)))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		g.ask(r).want(http.StatusBadRequest)
	}
}
