package runner

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/strictjson"
	"github.com/tagexec/tagexec/executor/runner/words"
	"github.com/tagexec/tagexec/store"
)

// resource is an origin as what jobs need. A URL that spells it otherwise, with
// upper case, is tried by its job.
func (o origin) resource() store.Resource {
	texts := []string{string(o)}
	for scheme, port := range map[string]string{"http://": ":80", "https://": ":443"} {
		if short, found := strings.CutSuffix(string(o), port); found && strings.HasPrefix(short, scheme) {
			texts = append(texts, short)
		}
	}
	r := store.Resource{Name: "origin " + words.Clip(string(o), 200), Field: "url"}
	for _, text := range texts {
		r.Texts = append(r.Texts, text, text+"/*", text+"?*", text+"#*")
	}
	return r
}

// secretResource is a secret as what jobs need, as Postgres writes their headers.
func secretResource(name string) store.Resource {
	return store.Resource{Name: "secret " + words.Quote(name), Field: "headers", Texts: []string{`*{"secret": ` + string(strictjson.OfText(name)) + `}*`}}
}

// Resources are none: no origin hears of us before a job wants it.
func (h *HTTP) Resources() []store.Resource { return nil }

// Probe connects to an origin and sends nothing, or reads a secret.
func (h *HTTP) Probe(ctx context.Context, r store.Resource) error {
	if r.Field == "headers" {
		var header struct{ Secret string }
		_ = json.Unmarshal([]byte(strings.Trim(r.Texts[0], "*")), &header) // as secretResource wrote it
		_, err := readSecret(h.secretsDir, header.Secret)
		return err
	}
	o := origin(r.Texts[0])
	if !h.origins[o] {
		return originRefused(o)
	}
	u, err := url.Parse(string(o))
	if err != nil {
		return originRefused(o)
	}
	if err := h.connect(ctx, u); err != nil {
		return executor.Failf("http_error", "%s: %s", words.Clip(string(o), 200), reason(err))
	}
	return nil
}

// connect connects to an origin as a request does, and hangs up.
func (h *HTTP) connect(ctx context.Context, u *url.URL) error {
	conn, err := h.transport.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // nothing was sent
	if u.Scheme != "https" {
		return nil
	}
	config := h.transport.TLSClientConfig.Clone()
	config.ServerName = u.Hostname()
	ctx, cancel := context.WithTimeout(ctx, h.transport.TLSHandshakeTimeout)
	defer cancel()
	return tls.Client(conn, config).HandshakeContext(ctx)
}
