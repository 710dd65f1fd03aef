package page

import (
	"html/template"
	"net/url"
	"strings"
	"time"
	_ "time/tzdata" // a zone means the same on a machine without a list of zones

	"github.com/tagexec/tagexec/cmd/internal/access"
	"github.com/tagexec/tagexec/cmd/internal/listing"
)

// frame is what is around every page: who looks at it, and how things look to them. Its
// methods are what the templates call.
type frame struct {
	Asker   access.Asker
	Seat    seat
	Base    string // before every path; "" or such as /tagexec
	Path    string // of this page, escaped, without Base
	Query   url.Values
	Zone    *time.Location
	Theme   string // light, dark or ""
	Keys    bool   // single keys do something
	Live    bool   // the page keeps itself up to date
	Said    string // what was done a moment ago
	Version string

	now time.Time
}

// Now is when the request came.
func (f *frame) Now() time.Time { return f.now }

// May reports whether this visitor's buttons are drawn.
func (f *frame) May() bool { return f.Seat.Operate }

// kept are the parameters that every link of a page hands on, so that a link that was
// sent to somebody shows them the same.
var kept = []string{"tz", "live"}

// URL is a link to a path of ours with parameters, as name, value, name, value. Segments
// of the path that are names must be escaped before (Seg).
func (f *frame) URL(path string, pairs ...string) string {
	query := url.Values{}
	for _, name := range kept {
		if value := f.Query.Get(name); value != "" {
			query.Set(name, value)
		}
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			query.Add(pairs[i], pairs[i+1])
		}
	}
	if len(query) > 0 {
		return f.Base + path + "?" + query.Encode()
	}
	return f.Base + path
}

// Kept are the parameters that a form hands on, as URL does.
func (f *frame) Kept() (list []hidden) {
	for _, name := range kept {
		if value := f.Query.Get(name); value != "" {
			list = append(list, hidden{name, value})
		}
	}
	return list
}

// Here is this page with some parameters changed; an empty value drops one.
func (f *frame) Here(pairs ...string) string {
	query := url.Values{}
	for name, values := range f.Query {
		query[name] = values
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		query.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "" {
			query.Del(pairs[i])
		}
	}
	if len(query) > 0 {
		return f.Base + f.Path + "?" + query.Encode()
	}
	return f.Base + f.Path
}

// Seg escapes a name as one segment of a path.
func (f *frame) Seg(name string) string { return seg(name) }

func seg(name string) string {
	switch name {
	case ".", "..": // a browser would take them for directories
		return strings.ReplaceAll(name, ".", "%2E")
	}
	return url.PathEscape(name)
}

// Clock shows a time as briefly as it can be told now, for a sentence.
func (f *frame) Clock(t time.Time) string {
	t, now := t.In(f.Zone), f.now.In(f.Zone)
	switch {
	case t.Format(time.DateOnly) == now.Format(time.DateOnly):
		return t.Format("15:04")
	case t.Sub(now).Abs() < 300*24*time.Hour:
		return t.Format("Jan _2 15:04")
	}
	return t.Format(time.DateOnly)
}

// Precise is Clock with the seconds of a time of this day.
func (f *frame) Precise(t time.Time) string {
	if local := t.In(f.Zone); local.Format(time.DateOnly) == f.now.In(f.Zone).Format(time.DateOnly) {
		return local.Format(time.TimeOnly)
	}
	return f.Clock(t)
}

// Time shows a time, with all of it where the pointer rests.
func (f *frame) Time(t any) template.HTML {
	var at time.Time
	switch t := t.(type) {
	case time.Time:
		at = t
	case *time.Time:
		if t == nil {
			return none
		}
		at = *t
	}
	local := at.In(f.Zone)
	return template.HTML(`<time datetime="` + at.UTC().Format(time.RFC3339Nano) + `" title="` + local.Format("2006-01-02 15:04:05.000 -07:00") + `">` + f.Precise(at) + `</time>`)
}

const none template.HTML = `<span class="none">–</span>`

// Ago is how long ago something was.
func (f *frame) Ago(t time.Time) string {
	return listing.Seconds(max(0, f.now.Sub(t).Seconds())) + " ago"
}

// ZoneName names the zone of the times.
func (f *frame) ZoneName() string { return f.Zone.String() }

// link is a link to a page in the head of each.
type link struct {
	Name, Link string
	Here       bool
}

// Pages are the pages that the head leads to.
func (f *frame) Pages() []link {
	var list []link
	for _, page := range []struct{ name, path string }{
		{"Overview", "/"}, {"Batches", "/batches"}, {"Jobs", "/jobs"}, {"Tags", "/tags"}, {"Pools", "/pools"}, {"Executors", "/executors"},
		{"Failures", "/failures"}, {"Actions", "/actions"},
	} {
		list = append(list, link{page.name, f.URL(page.path), f.Path == page.path || page.path != "/" && strings.HasPrefix(f.Path, page.path+"/")})
	}
	return list
}
