package page

import (
	"net/http"
	"net/url"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/access"
	"github.com/tagexec/tagexec/store/report"
)

// visit is one request for a page.
type visit struct {
	*frame
	page   *Page
	w      http.ResponseWriter
	r      *http.Request
	reader *report.Reader // asks as the visitor may

	slowest time.Duration // of the questions
	soon    bool          // a section is left for the next look
	stale   time.Time     // when the oldest answer that is shown was asked for, if not now
}

// view is what a page is made of.
type view struct {
	template string // its file
	Title    string
	Data     any
	settled  bool // nothing on it will change soon
	still    bool // it does not keep itself up to date: it may be the answer to a form
}

// Cookies that a browser keeps how somebody wants to see things in.
const (
	zoneCookie  = "tagexec_tz"
	themeCookie = "tagexec_theme"
	keysCookie  = "tagexec_keys"
	saidCookie  = "tagexec_said"
)

// visit is that of a request, before anybody knows what the database lets it do.
func (p *Page) visit(w http.ResponseWriter, r *http.Request) *visit {
	query := r.URL.Query()
	f := &frame{
		Asker: access.Of(r.Context()), Base: p.BasePath, Path: r.URL.EscapedPath(), Query: query, Version: p.Version,
		Zone: zoneOf(query.Get("tz"), cookie(r, zoneCookie)), Keys: cookie(r, keysCookie) != "off", Live: query.Get("live") != "0",
		now: time.Now(),
	}
	if theme := cookie(r, themeCookie); theme == "light" || theme == "dark" {
		f.Theme = theme
	}
	return &visit{frame: f, page: p, w: w, r: r, reader: p.reader}
}

// take asks the database what the visitor may do.
func (v *visit) take() error {
	s, err := v.page.seat(v.r.Context(), v.Asker.Level)
	if err != nil {
		return err
	}
	v.Seat = s
	v.reader = v.page.reader.In(v.Zone.String())
	if s.role != "" {
		v.reader = v.reader.As(s.role)
	}
	return nil
}

// note keeps how long a question took, and of when its answer is.
func (v *visit) note(at time.Time, took time.Duration, err error, known bool) {
	v.slowest = max(v.slowest, took)
	if err != nil && known && (v.stale.IsZero() || at.Before(v.stale)) {
		v.stale = at
	}
}

// zoneOf is the first of these names that is one of a time zone; else UTC.
func zoneOf(names ...string) *time.Location {
	for _, name := range names {
		if zone, err := time.LoadLocation(name); err == nil && name != "" && name != "Local" {
			return zone
		}
	}
	return time.UTC
}

// cookie returns what a browser keeps; the script of the page writes it as in a URL.
func cookie(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	value, err := url.PathUnescape(c.Value)
	if err != nil {
		return ""
	}
	return value
}
