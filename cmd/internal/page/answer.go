package page

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"hash/fnv"
	"html/template"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/report"
)

// show makes a page.
type show func(*visit) (*view, error)

// Times between looks of a page that keeps itself up to date, in seconds: where jobs run,
// where nothing will change soon, where the database takes long, and where it is at work
// on a section.
const (
	pollSoon   = 1
	pollOften  = 2
	pollSeldom = 10
	pollSlow   = 15
	slowAnswer = 200 * time.Millisecond
)

// layout is what layout.html shows.
type layout struct {
	*frame
	Title   string
	Content template.HTML
	PTag    string // changes with Content
	Poll    int    // seconds
	Stale   time.Time
}

// content is what the template of a page shows.
type content struct {
	*frame
	Data any
}

// page answers with what show makes, or with the reason why it cannot.
func (p *Page) page(do show) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := p.visit(w, r)
		if err := v.take(); err != nil {
			v.fail(err)
			return
		}
		if err := storable(r.URL.Path, v.Query); err != nil {
			v.fail(err)
			return
		}
		made, err := do(v)
		switch {
		case err != nil:
			v.fail(err)
		case made != nil: // else it has answered
			v.answer(http.StatusOK, made)
		}
	}
}

// answer renders a page. One that keeps itself up to date is given what is in it, and
// that only if it has changed.
func (v *visit) answer(status int, made *view) {
	var body bytes.Buffer
	if err := templates[made.template].ExecuteTemplate(&body, "content", content{v.frame, made.Data}); err != nil {
		v.broken(made.template, err)
		return
	}
	l := layout{frame: v.frame, Title: made.Title, Content: template.HTML(body.String()), Poll: pollOften, Stale: v.stale}
	switch {
	case made.still:
		l.Poll = 0
	case v.soon:
		l.Poll = pollSoon
	case v.slowest > slowAnswer:
		l.Poll = pollSlow
	case made.settled:
		l.Poll = pollSeldom
	}
	hash := fnv.New64a()
	fmt.Fprint(hash, l.Title, l.Poll, l.Stale, body.String())
	l.PTag = fmt.Sprintf("%x", hash.Sum64())
	part := "page"
	if v.polls() {
		part = "main"
		v.w.Header().Set("HX-PTag", l.PTag)
		if v.r.Header.Get("HX-PTag") == l.PTag {
			v.w.WriteHeader(http.StatusNotModified)
			return
		}
	} else {
		l.Said = v.takeSaid()
	}
	var page bytes.Buffer
	if err := templates[made.template].ExecuteTemplate(&page, part, l); err != nil {
		v.broken(made.template, err)
		return
	}
	v.send(status, &page)
}

// polls reports whether the page is open, and only looks what has changed.
func (v *visit) polls() bool { return v.r.Header.Get("HX-Request") == "true" }

// send answers with a page, packed where the browser takes it so: a tenth of the bytes.
func (v *visit) send(status int, page *bytes.Buffer) {
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Add("Vary", "Accept-Encoding")
	if !takesGzip(v.r) {
		v.w.WriteHeader(status)
		_, _ = page.WriteTo(v.w) // the visitor may be gone
		return
	}
	h.Set("Content-Encoding", "gzip")
	v.w.WriteHeader(status)
	packed := packers.Get().(*gzip.Writer)
	defer packers.Put(packed)
	packed.Reset(v.w)
	_, _ = page.WriteTo(packed)
	_ = packed.Close()
}

// packers are kept: one takes half a megabyte to make.
var packers = sync.Pool{New: func() any {
	packer, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is one
	return packer
}}

func takesGzip(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
}

// broken is a template of ours that fails.
func (v *visit) broken(name string, err error) {
	v.page.Log.Error("a page cannot be shown", "page", name, "error", err)
	http.Error(v.w, "this page cannot be shown: "+name, http.StatusInternalServerError)
}

// fail answers with what an error means.
func (v *visit) fail(err error) {
	var (
		missing *report.MissingError
		refused *report.RefusedError
		slow    *report.SlowError
		wrong   *wrongInput
		schema  *store.SchemaError
	)
	switch {
	case errors.As(err, &missing):
		v.problem(http.StatusNotFound, "Gone", listing.Sentence(err.Error()))
	case errors.As(err, &refused):
		v.problem(http.StatusForbidden, "Not allowed", sentence(err))
	case errors.As(err, &wrong):
		v.problem(http.StatusBadRequest, "That cannot be", listing.Sentence(err.Error()))
	case errors.As(err, &schema):
		v.problem(http.StatusServiceUnavailable, "The schema does not fit", listing.Sentence(err.Error()))
	case errors.As(err, &slow):
		v.problem(http.StatusServiceUnavailable, "That takes too long", sentence(err))
	default:
		v.problem(http.StatusServiceUnavailable, "The database does not answer", listing.Sentence(err.Error()))
	}
}

// problem answers with a page that says what is wrong and what would help.
func (v *visit) problem(status int, title, text string) {
	v.answer(status, &view{template: "problem", Title: title, Data: problem{title, text}, still: status < http.StatusInternalServerError})
}

type problem struct{ Title, Text string }

// wrongInput says what is wrong with what somebody typed.
type wrongInput struct{ text string }

func (e *wrongInput) Error() string { return e.text }

func wrong(format string, args ...any) error { return &wrongInput{fmt.Sprintf(format, args...)} }
