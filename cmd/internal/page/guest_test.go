package page_test

import (
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/access"
	"github.com/tagexec/tagexec/cmd/internal/config"
	"github.com/tagexec/tagexec/cmd/internal/page"
)

// newPage returns the page on a database, with the rights of the URL's login, as
// storetest.DB.Login makes one. It is closed at the end of the test.
func newPage(t *testing.T, databaseURL string, changes ...func(*page.Config)) *page.Page {
	t.Helper()
	c := page.Config{DatabaseURL: databaseURL, Version: "test", Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	for _, change := range changes {
		change(&c)
	}
	p, err := page.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	p.Wait() // what a test looks for is there at its first look, however busy the machine
	return p
}

// Who comes to the page.
const (
	olu    = "olu"  // may act
	vera   = "vera" // may look
	nobody = ""     // has no login
)

const password = "hush-hush"

// guest is somebody with a browser: it logs in, keeps cookies, and says where a form
// was sent from.
type guest struct {
	t       *testing.T
	handler http.Handler
	user    string
	cookies map[string]string
	header  http.Header // of each request
}

// as is somebody at a page that asks for a login.
func as(t *testing.T, p *page.Page, user string) *guest {
	c := config.Config{HTTPUser: olu, HTTPPassword: password, UI: config.UI{ViewerUser: vera, ViewerPassword: password}}
	everywhere := &net.TCPAddr{IP: net.IPv4zero, Port: 80}
	return &guest{t, access.New(c, everywhere, access.Viewer).ToPage(p), user, map[string]string{}, http.Header{"Sec-Fetch-Site": {"same-origin"}}}
}

// answer is what a guest was told.
type answer struct {
	t      *testing.T
	asked  string
	Code   int
	Header http.Header
	Body   string
}

// get asks for a path, with its query.
func (g *guest) get(path string) answer {
	g.t.Helper()
	return g.send(http.MethodGet, path)
}

// post sends a form, as name, value, name, value.
func (g *guest) post(path string, pairs ...string) answer {
	g.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, "http://page.example"+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return g.ask(r)
}

// send asks for a path with any method and nothing else.
func (g *guest) send(method, path string) answer {
	g.t.Helper()
	return g.ask(httptest.NewRequest(method, "http://page.example"+path, nil))
}

func (g *guest) ask(r *http.Request) answer {
	g.t.Helper()
	maps.Copy(r.Header, g.header)
	if g.user != nobody {
		r.SetBasicAuth(g.user, password)
	}
	for name, value := range g.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	g.handler.ServeHTTP(w, r)
	for _, cookie := range w.Result().Cookies() {
		if g.cookies[cookie.Name] = cookie.Value; cookie.MaxAge < 0 {
			delete(g.cookies, cookie.Name)
		}
	}
	return answer{g.t, r.Method + " " + r.URL.RequestURI() + " as " + g.user, w.Code, w.Result().Header, w.Body.String()}
}

// want wants a status and these texts in the HTML, escaped as there.
func (a answer) want(code int, texts ...string) answer {
	a.t.Helper()
	if a.Code != code {
		a.t.Errorf("%s: %d, want %d\n%s", a.asked, a.Code, code, a.Body)
	}
	for _, text := range texts {
		if !strings.Contains(a.Body, text) {
			a.t.Errorf("%s: %q is not in\n%s", a.asked, text, a.Body)
		}
	}
	return a
}

// lacks wants none of these texts in the HTML.
func (a answer) lacks(texts ...string) answer {
	a.t.Helper()
	for _, text := range texts {
		if strings.Contains(a.Body, text) {
			a.t.Errorf("%s: %q is in\n%s", a.asked, text, a.Body)
		}
	}
	return a
}
