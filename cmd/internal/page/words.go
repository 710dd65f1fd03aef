package page

import (
	"html/template"
	"net/url"
	"reflect"

	"github.com/tagexec/tagexec/cmd/internal/listing"
)

// functions are what templates call beside the methods of frame.
var functions = template.FuncMap{
	"state":     state,
	"glyph":     glyph,
	"seconds":   secondsOf,
	"thousands": func(n any) string { return listing.Thousands(int(reflect.Indirect(reflect.ValueOf(n)).Int())) },
	"capped":    func(n any, most int) string { return listing.Capped(int(reflect.ValueOf(n).Int()), most) },
	"plural":    listing.Plural,
	"maybe":     maybe,
	"plain":     plain,
	"outside":   outside,
	"brief":     brief,
	"add":       func(a, b int) int { return a + b },
	"json":      jsonText,
	"sql":       sqlText,
}

// glyphs of states and outcomes: each is told by a glyph, a word and a colour.
var glyphs = map[string]struct{ glyph, class string }{
	"succeeded":   {"✓", "ok"},
	"failed":      {"✗", "bad"},
	"timed_out":   {"✗", "bad"},
	"lost":        {"!", "bad"},
	"running":     {"▶", "run"},
	"pending":     {"○", "wait"},
	"cancelled":   {"–", "off"},
	"interrupted": {"‖", "wait"},
}

// state shows a state of a job, or an outcome of an attempt.
func state(name string) template.HTML {
	g, known := glyphs[name]
	if !known {
		g.glyph, g.class = "·", "off"
	}
	return template.HTML(`<span class="state ` + g.class + `"><span aria-hidden="true">` + g.glyph + `</span> ` + template.HTMLEscapeString(name) + `</span>`)
}

// glyph shows an outcome in one character, with its word for who does not see it.
func glyph(name string) template.HTML {
	g := glyphs[name]
	return template.HTML(`<span class="state ` + g.class + `"><span aria-hidden="true">` + g.glyph + `</span><span class="hide">` + template.HTMLEscapeString(name) + `</span></span>`)
}

// secondsOf shows a duration in seconds, which may be missing.
func secondsOf(s any) template.HTML {
	v := reflect.ValueOf(s)
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return none
		}
		v = v.Elem()
	}
	if v.CanInt() {
		return template.HTML(listing.Seconds(float64(v.Int())))
	}
	return template.HTML(listing.Seconds(v.Float()))
}

// maybe shows a value that may be missing.
func maybe(value any) any {
	v := reflect.ValueOf(value)
	switch {
	case !v.IsValid(), v.Kind() == reflect.Pointer && v.IsNil():
		return none
	case v.Kind() == reflect.Pointer:
		return v.Elem().Interface()
	case v.Kind() == reflect.String && v.Len() == 0:
		return none
	}
	return value
}

// plain is a text that may be missing, for a link.
func plain(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// outside is an address elsewhere that a link may lead to, or "".
func outside(address *string) string {
	u, err := url.Parse(plain(address))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	return *address
}

// briefly is how much of a long text a list shows.
const briefly = 160

// brief is the beginning of a text that may be missing.
func brief(text *string) string {
	if text == nil {
		return ""
	}
	if runes := []rune(*text); len(runes) > briefly {
		return string(runes[:briefly]) + "…"
	}
	return *text
}
