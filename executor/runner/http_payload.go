package runner

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tagexec/tagexec/executor/runner/strictjson"
	"github.com/tagexec/tagexec/executor/runner/words"
)

// header is one header of a request: a text, or the name of a secret.
type header struct {
	name   string
	value  string
	secret string // "" for a text
}

type httpPayload struct {
	method      string
	url         *url.URL
	origin      origin
	headers     []header
	body        []byte
	contentType string // of the body, unless a header says another
}

func decodeHTTP(raw json.RawMessage) (httpPayload, error) {
	o := readObject("payload", raw, "method", "url", "headers", "body", traceparent)
	p := httpPayload{method: strings.ToUpper(o.text("method"))}
	p.readURL(o)
	p.readBody(o)
	p.readMethod(o)
	p.readHeaders(o)
	readTraceparent(o)
	return p, o.err
}

func (p *httpPayload) readURL(o *object) {
	text := o.text("url")
	if o.err != nil {
		return
	}
	if text == "" {
		o.refuse("url is missing")
		return
	}
	// The text of a URL may hold a secret: messages do not repeat it.
	u, err := url.Parse(text)
	if err != nil {
		o.refuse("url is not a URL")
		return
	}
	if u.User != nil {
		o.refuse("url must hold no user and password: use a header with a secret")
		return
	}
	p.origin, err = originOf(u)
	if err != nil {
		o.refuse("url %s", err)
		return
	}
	u.Fragment, u.RawFragment = "", ""
	u.RawQuery = escapeQuery(u.RawQuery)
	p.url = u
}

// escapeQuery escapes what may not stand in a request line. The path is escaped
// by package url; a query it sends as it is.
func escapeQuery(query string) string {
	var b strings.Builder
	for i := range len(query) {
		if c := query[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// readBody takes a string as the body itself and any other value as JSON.
func (p *httpPayload) readBody(o *object) {
	raw, ok := o.fields["body"]
	if !ok {
		return
	}
	if strictjson.Kind(raw) == "a string" {
		p.body, p.contentType = []byte(strictjson.Text(raw)), "text/plain; charset=utf-8"
		return
	}
	p.body, p.contentType = raw, "application/json"
}

func (p *httpPayload) readMethod(o *object) {
	known := []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	switch {
	case o.err != nil:
	case p.method == "" && o.has("body"):
		p.method = http.MethodPost
	case p.method == "":
		p.method = http.MethodGet
	case !slices.Contains(known, p.method):
		o.refuse("method %s is none of %s", words.Quote(p.method), strings.Join(known, ", "))
	case o.has("body") && (p.method == http.MethodGet || p.method == http.MethodHead):
		o.refuse("%s takes no body", p.method)
	}
}

// ownHeaders are set by the executor or by the protocol, never by a payload.
var ownHeaders = []string{
	"Host", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Te", "Trailer", "Upgrade",
	"Expect", "Proxy-Authorization", "Proxy-Connection", "Idempotency-Key", "Tagexec-Attempt",
}

func (p *httpPayload) readHeaders(o *object) {
	fields := strictjson.Members(o.raw("headers", "an object"))
	seen := map[string]bool{}
	for _, name := range sortedKeys(fields) {
		h := header{name: http.CanonicalHeaderKey(name)}
		switch strictjson.Kind(fields[name]) {
		case "a string":
			h.value = strictjson.Text(fields[name])
		case "an object":
			s := readObject(fmt.Sprintf("%s: headers: %s", o.path, words.Quote(name)), fields[name], "secret")
			h.secret = s.text("secret")
			if h.secret == "" {
				s.refuse("secret is missing: the name of a file in the secrets directory")
			} else if !plainName(h.secret) {
				s.refuse("secret %s must be a plain file name: no path, no leading dot", words.Quote(h.secret))
			}
			if s.err != nil {
				o.err = s.err
			}
		default:
			o.refuse(`headers: %s must be a string or {"secret": "name"}`, words.Quote(name))
		}
		switch {
		case o.err != nil:
			return
		case !validHeaderName(name):
			o.refuse("headers: %s cannot be the name of a header", words.Quote(name))
		case slices.Contains(ownHeaders, h.name):
			o.refuse("headers: %s is set by the executor", h.name)
		case seen[h.name]:
			o.refuse("headers: %s is there twice", h.name)
		case !validHeaderValue(h.value):
			o.refuse("headers: %s holds a control character", h.name)
		}
		seen[h.name] = true
		p.headers = append(p.headers, h)
	}
}

// plainName reports whether a name can only mean a visible file right in a
// directory.
func plainName(name string) bool {
	return name != "" && !strings.HasPrefix(name, ".") && !strings.ContainsAny(name, "/\\\x00")
}

func validHeaderName(name string) bool {
	for _, r := range name {
		if r <= ' ' || r > '~' || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r) {
			return false
		}
	}
	return name != ""
}

func validHeaderValue(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}
