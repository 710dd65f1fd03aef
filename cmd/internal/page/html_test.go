package page_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/page"
	"github.com/tagexec/tagexec/store/storetest"
)

// hostile is a text that does something wherever it is not taken for a text.
const hostile = `<img src=x onerror=alert(1)>"'><script>alert(2)</script>{{.}}&lt;%00%2F../?#é ` + "\u202e`$(x)" + `-->`

// elements are all that pages are made of: what else one has is hostile.
var elements = strings.Fields(`html head meta title link script body header footer main nav section form fieldset legend progress input select option textarea button label
	a p h1 h2 h3 ul ol li dl dt dd table caption thead tbody tr th td div span b code pre kbd time details summary dialog figure figcaption svg g rect line path text polyline circle title`)

// wellKept reports what the HTML of a page must not hold: script and style of its own,
// elements that are not ours, links to elsewhere.
func wellKept(body, base string) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	d := xml.NewDecoder(strings.NewReader(body))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for script := false; ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return faults
		}
		if err != nil {
			fault("%v", err)
			return faults
		}
		switch token := token.(type) {
		case xml.Comment:
			fault("comment %s", token)
		case xml.CharData:
			if script && len(token) > 0 {
				fault("script %s", token)
			}
		case xml.EndElement:
			script = false
		case xml.StartElement:
			name := token.Name.Local
			if script = name == "script"; !slices.Contains(elements, name) {
				fault("element %s", name)
			}
			for _, a := range token.Attr {
				switch attribute := a.Name.Local; {
				case attribute == "style", attribute == "srcdoc", attribute == "http-equiv", attribute == "hx-vals", attribute == "hx-headers", attribute == "hx-vars",
					strings.HasPrefix(attribute, "on"), strings.HasPrefix(attribute, "hx-on"):
					fault("%s: %s=%q", name, attribute, a.Value)
				case attribute == "name" && a.Value == "id" && name != "meta":
					fault("%s name=id hides the id of its form, so that a page that keeps itself up to date makes it anew", name)
				case slices.Contains([]string{"href", "src", "action", "formaction", "hx-get", "hx-post", "data"}, attribute):
					if !strings.HasPrefix(a.Value, base+"/") && !strings.HasPrefix(a.Value, "#") && !strings.HasPrefix(a.Value, "https://airflow.example/") ||
						strings.HasPrefix(a.Value, "//") || strings.Contains(a.Value, "ZgotmplZ") {
						fault("%s: %s=%q leads elsewhere", name, attribute, a.Value)
					}
				}
			}
		}
	}
}

func TestWellKeptFindsWhatMustNotBe(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`<p style="color: red">`, `<style>p{}</style>`, `<script>1</script>`, `<a href="javascript:1">`, `<a href="//evil.example/">`, `<a href="/tags">`, `<a href="https://evil.example/">`,
		`<form action="/base">`, `<p onclick="x">`, `<button hx-on:click="x">`, `<img src="/base/x">`, `<iframe>`, `<!-- x -->`, `<meta http-equiv="refresh">`, `<a href="#ZgotmplZ">`, `<input name="id">`, hostile,
	} {
		if wellKept(body, "/base") == nil {
			t.Errorf("nothing is found in %s", body)
		}
	}
	if faults := wellKept(`<!doctype html><p>&lt;b&gt;</p><a href="/base/x?y=//z">x</a><input required><a href="#m">y</a><script src="/base/x" defer></script>`, "/base"); faults != nil {
		t.Errorf("found %q", faults)
	}
}

// Whatever stands in the queue, and wherever the page is.
func TestNoTextBecomesAnythingElse(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	running := db.Fill(hostile, "javascript:alert(3)//"+hostile)
	for base, user := range map[string]string{"": vera, "/ops/tagexec": olu} {
		p := newPage(t, db.URL, func(c *page.Config) { c.BasePath = base })
		for _, path := range hostilePaths(running) {
			got := as(t, p, user).get(base + path)
			if got.Code >= 500 {
				t.Errorf("%s: %d\n%s", got.asked, got.Code, got.Body)
			}
			switch kind, _, _ := strings.Cut(got.Header.Get("Content-Type"), ";"); kind {
			case "text/html":
				if faults := wellKept(got.Body, base); faults != nil {
					t.Errorf("%s: %q", got.asked, faults)
				}
			case "text/plain": // with the header that forbids to take it for anything else
			default:
				t.Errorf("%s: is %s", got.asked, kind)
			}
		}
	}
}

// parameters are those that pages take.
var parameters = strings.Fields("which from batch state tag pool kind executor error payload q day days since until to attempt back reason slots priority job tz live all")

// hostilePaths are the pages of all routes on a database that is filled with hostile text,
// with the text as the name of what is shown and as each parameter.
func hostilePaths(job int64) (paths []string) {
	text := url.PathEscape(hostile)
	for _, route := range page.Routes() {
		method, path, _ := strings.Cut(route, " ")
		if method != "GET" || strings.HasPrefix(path, "/assets/") {
			continue
		}
		path = strings.TrimSuffix(path, "{$}")
		list := []string{strings.ReplaceAll(path, "{id}", fmt.Sprint(job))}
		switch {
		case strings.Contains(path, "{deed}"):
			list = nil
			for _, deed := range page.Deeds() {
				list = append(list, "/do/"+deed)
			}
		case strings.Contains(path, "{"):
			list = append(list, strings.ReplaceAll(path, "{id}", text))
		}
		for _, path := range list {
			path = parameter.ReplaceAllString(path, text)
			paths = append(paths, path)
			for _, name := range parameters {
				paths = append(paths, path+"?"+name+"="+url.QueryEscape(hostile))
			}
		}
	}
	return paths
}

var parameter = regexp.MustCompile(`{[a-z]+}`)
