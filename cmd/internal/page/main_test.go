package page_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/access"
	"github.com/tagexec/tagexec/cmd/internal/config"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// site is a page of a database, as somebody on its host sees it.
type site struct {
	t       *testing.T
	handler http.Handler
}

// open opens the page of a database for visitors of a level.
func open(t *testing.T, databaseURL string, level access.Level) site {
	t.Helper()
	return site{t, access.New(config.Config{}, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, level).ToPage(newPage(t, databaseURL))}
}

// get asks for an address.
func (s site) get(address string) *httptest.ResponseRecorder {
	return s.send(httptest.NewRequest(http.MethodGet, address, nil))
}

// post sends a form.
func (s site) post(address string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return s.send(r)
}

func (s site) send(r *http.Request) *httptest.ResponseRecorder {
	s.t.Helper()
	r.Host = "127.0.0.1"
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

// has says what of these an answer must hold and does not, and what it must not and does:
// that begins with "!".
func has(t *testing.T, w *httptest.ResponseRecorder, status int, texts ...string) {
	t.Helper()
	if w.Code != status {
		t.Errorf("answered %d, want %d: %s", w.Code, status, w.Body)
	}
	for _, text := range texts {
		text, not := strings.CutPrefix(text, "!")
		if strings.Contains(w.Body.String(), text) == not {
			t.Errorf("holds %q: %t, want %t, in:\n%s", text, not, !not, w.Body)
		}
	}
}
