package page

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tagexec/tagexec/store/operate"
	"github.com/tagexec/tagexec/store/report"
)

// Config says what the page shows, and where it is found.
type Config struct {
	DatabaseURL string // of the queue, with the login whose rights the page has
	BasePath    string // under which a proxy shows it, such as /tagexec; "" for none
	URL         string // as people reach it, such as https://ops.example/tagexec; "" if unknown
	Version     string
	Log         *slog.Logger
}

// Page answers the requests of people. Close it after the last one.
type Page struct {
	Config
	reader *report.Reader
	actor  *operate.Actor
	seats  seats
	shared *shared
	// patience is how long a page waits for what it can be shown without.
	patience time.Duration
	checkup  *checkup
	handler  http.Handler
}

// application is what the page's sessions call themselves.
const application = "tagexec page"

// New returns a page that connects lazily: its first question reports an unreachable
// server. An error means that the URL of the database is wrong, and says how.
func New(c Config) (*Page, error) {
	reader, err := report.Open(report.Config{URL: c.DatabaseURL, Application: application})
	if err != nil {
		return nil, err
	}
	actor, err := operate.Open(operate.Config{URL: c.DatabaseURL, Application: application})
	if err != nil {
		reader.Close()
		return nil, err
	}
	p := &Page{Config: c, reader: reader, actor: actor, shared: newShared(), patience: patience, checkup: newCheckup()}
	if p.handler, err = p.guarded(p.routes()); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// Close ends what was begun, and closes the connections.
func (p *Page) Close() {
	p.checkup.close()
	p.shared.wait()
	p.reader.Close()
	p.actor.Close()
}

// ServeHTTP answers a request whose Asker package access has found out.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.handler.ServeHTTP(w, r) }

// policy lets a page load nothing but what is embedded here, and run no script in it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// guarded refuses what another site sends in a visitor's name, and says to the browser
// what a page of ours may do.
func (p *Page) guarded(next http.Handler) (http.Handler, error) {
	protection := http.NewCrossOriginProtection()
	if p.URL != "" { // a proxy that changes the Host would make every form look foreign
		site, err := url.Parse(p.URL)
		if err == nil {
			err = protection.AddTrustedOrigin(origin(site))
		}
		if err != nil {
			return nil, fmt.Errorf("the URL of the page: %w", err)
		}
	}
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.visit(w, r).problem(http.StatusForbidden, "This came from another site", "tagexec does nothing that another site asks for. If you pressed a button of this page behind a proxy, set TAGEXEC_UI_URL to the address in your browser, or let the proxy keep the Host header.")
	}))
	next = protection.Handler(next)
	if p.BasePath != "" {
		next = http.StripPrefix(p.BasePath, next)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	}), nil
}

// origin is how a browser names the site of an address.
func origin(address *url.URL) string {
	usual := map[string]string{"http": ":80", "https": ":443"}[address.Scheme]
	return address.Scheme + "://" + strings.TrimSuffix(strings.ToLower(address.Host), usual)
}

// Root is the path under which all of the page is.
func (p *Page) Root() string { return p.BasePath + "/" }

// BatchURL is the address of the page of a batch, where people reach the page at site.
func BatchURL(site, batch string) string {
	return strings.TrimSuffix(site, "/") + "/batches/" + seg(batch)
}
