package runner

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/words"
	"github.com/tagexec/tagexec/store"
)

const (
	// defaultMaxBody is the default of HTTPOptions.MaxBody.
	defaultMaxBody = 1 << 20
	// maxHeader is the longest header of an answer, in bytes.
	maxHeader = 64 << 10
	// maxRedirects is how many redirects a request follows.
	maxRedirects = 5
	// maxRetryAfter bounds the delay that a server may ask for.
	maxRetryAfter = time.Hour
)

// HTTPOptions are the settings of an HTTP runner.
type HTTPOptions struct {
	// Origins lists where requests may go: https://host or http://host:port.
	// At least one is required.
	Origins []string
	// SecretsDir holds the secret files; without it no header can be a secret.
	SecretsDir string
	// MaxBody is how much of an answer's body is read, in bytes; 0 means 1 MiB.
	MaxBody int64
}

// HTTP sends one request per attempt, and sends it once: each over a connection
// of its own and by HTTP/1.1, because Go repeats by itself what was sent over a
// connection that served another request, or that speaks HTTP/2. Only a redirect
// with 307 or 308 sends the request again, to where it leads.
//
//	{"method": "POST", "url": "https://api.example.com/tags", "headers": {"Authorization": {"secret": "api"}}, "body": {"tag": "x"}}
//
// The method is GET, or POST where there is a body. A body that is a string is
// sent as it is (text/plain), any other JSON value as JSON; a Content-Type
// header comes before that. With it go Idempotency-Key, tagexec-<job id>, the
// same for every attempt of a job, and Tagexec-Attempt, the attempt's number.
//
// The URL's origin (scheme, host and port) must be one of
// HTTPOptions.Origins, and so must that of every redirect, of which at most
// five are followed. A redirect that would turn a request into a GET is
// followed only with 303. The payload's headers (but Content-Type and Accept) do
// not go along to another origin. Proxy variables of the environment are ignored.
//
// A header that is {"secret": "api"} takes its value from the file api in
// HTTPOptions.SecretsDir, which is read for each request. Its first line is
// the only origin it may be sent to, its second line the value:
//
//	https://api.example.com
//	Bearer 8f3c…
//
// The value is removed from everything that is stored, also where it is escaped
// as in JSON or a URL or is in base64, and any eight bytes of it.
//
// A 2xx answer is success. 408, 425, 429 and 5xx may be tried again, no sooner
// than their Retry-After says (an hour at most); any other status is final, 101
// too: its connection speaks another protocol and has no end. The failure is
// http_status, and http_error where no whole answer came. Its message names the
// origin, never the path or the query, and the header that explains the status;
// what else the server said is in the output.
//
// The body is the output, as far as it is read, and the result where it is a JSON
// object of at most 256 kB. A body that is compressed with gzip or deflate is
// unpacked, and one in another charset turned into UTF-8.
type HTTP struct {
	origins    map[origin]bool
	secretsDir string
	maxBody    int64
	transport  *http.Transport
}

// NewHTTP makes a runner. The error lists everything wrong with opt. Close ends
// the runner.
func NewHTTP(opt HTTPOptions) (*HTTP, error) {
	h := &HTTP{origins: map[origin]bool{}, secretsDir: opt.SecretsDir, maxBody: opt.MaxBody}
	if h.maxBody == 0 {
		h.maxBody = defaultMaxBody
	}
	var problems []error
	if len(opt.Origins) == 0 {
		problems = append(problems, errors.New("no origin is configured"))
	}
	for i, s := range opt.Origins {
		o, err := parseOrigin(s)
		if err != nil { // the text may hold a password
			problems = append(problems, fmt.Errorf("origin %d of %d %w", i+1, len(opt.Origins), err))
		}
		h.origins[o] = true
	}
	if opt.SecretsDir != "" {
		if info, err := os.Stat(opt.SecretsDir); err != nil {
			problems = append(problems, fmt.Errorf("secrets directory: %w", err))
		} else if !info.IsDir() {
			problems = append(problems, fmt.Errorf("secrets directory %s is not a directory", opt.SecretsDir))
		} else if err := onlyOurs(opt.SecretsDir); err != nil {
			problems = append(problems, fmt.Errorf("secrets directory: %w", err))
		} else if err := checkSecrets(opt.SecretsDir); err != nil {
			problems = append(problems, err)
		}
	}
	if opt.MaxBody < 0 {
		problems = append(problems, fmt.Errorf("body limit %d is below 0", opt.MaxBody))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("http runner: %w", err)
	}
	h.transport = &http.Transport{
		Proxy:                  nil, // an environment variable must not choose who sees the requests
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		TLSClientConfig:        &tls.Config{ClientSessionCache: tls.NewLRUClientSessionCache(0)}, // new connections are many
		Protocols:              new(http.Protocols),
		DisableKeepAlives:      true,
		DisableCompression:     true, // a server that is not asked sends JSON as it is
		MaxResponseHeaderBytes: maxHeader,
	}
	h.transport.Protocols.SetHTTP1(true)
	return h, nil
}

// Close closes the connections that no request uses.
func (h *HTTP) Close() { h.transport.CloseIdleConnections() }

// Run sends the request of one job and reads its answer.
func (h *HTTP) Run(ctx context.Context, job *store.Job) (executor.Report, error) {
	payload, err := decodeHTTP(job.Payload)
	if err != nil {
		return executor.Report{}, err
	}
	if !h.origins[payload.origin] {
		return executor.Report{}, unavailable(payload.origin.resource(), originRefused(payload.origin))
	}
	x := &exchange{runner: h, payload: payload, secrets: map[string]secret{}}
	if err := x.readSecrets(); err != nil {
		return executor.Report{}, err
	}
	request, err := x.request(ctx, job)
	if err != nil {
		return executor.Report{}, err
	}
	client := &http.Client{Transport: h.transport, CheckRedirect: x.redirect}
	response, err := client.Do(request)
	if err != nil {
		return executor.Report{Output: x.details(ctx, err)}, x.failure(ctx, request.URL, err)
	}
	defer func() { _ = response.Body.Close() }() // read as far as wanted
	return x.answer(ctx, response)
}

func originRefused(o origin) *executor.Failure {
	return executor.Failf("origin_not_allowed", "origin %s is not allow-listed on this executor", words.Clip(string(o), 200))
}

// exchange is one request and its answer.
type exchange struct {
	runner  *HTTP
	payload httpPayload
	secrets map[string]secret // by header name
	redact  redactor
	sent    atomic.Bool // there was a connection, so something may have been sent
}

// readSecrets reads every secret first, so that one that is refused means
// nothing was sent.
func (x *exchange) readSecrets() error {
	for _, h := range x.payload.headers {
		if h.secret == "" {
			continue
		}
		s, err := readSecret(x.runner.secretsDir, h.secret)
		if err != nil {
			return unavailable(secretResource(h.secret), executor.Failf("secret_not_allowed", "secret %s: %v", words.Quote(h.secret), err))
		}
		if s.origin != x.payload.origin {
			return unavailable(secretResource(h.secret), executor.Failf("secret_not_allowed", "secret %s is bound to another origin than %s",
				words.Quote(h.secret), words.Clip(string(x.payload.origin), 200)))
		}
		x.secrets[h.name] = s
		x.redact.add(s.value)
	}
	return nil
}

func (x *exchange) request(ctx context.Context, job *store.Job) (*http.Request, error) {
	var body io.Reader
	if x.payload.body != nil {
		body = bytes.NewReader(x.payload.body)
	}
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { x.sent.Store(true) }})
	r, err := http.NewRequestWithContext(ctx, x.payload.method, x.payload.url.String(), body)
	if err != nil {
		return nil, executor.Refusef(badPayload, "payload: url cannot be requested")
	}
	r.Header.Set("User-Agent", "tagexec")
	if x.payload.contentType != "" {
		r.Header.Set("Content-Type", x.payload.contentType)
	}
	if parent := executor.Traceparent(ctx); parent != "" {
		r.Header.Set("Traceparent", parent)
	}
	for _, h := range x.payload.headers {
		r.Header.Set(h.name, h.value)
		if h.secret != "" {
			r.Header.Set(h.name, x.secrets[h.name].value)
		}
	}
	r.Header.Set("Idempotency-Key", "tagexec-"+strconv.FormatInt(job.ID, 10))
	r.Header.Set("Tagexec-Attempt", strconv.FormatInt(int64(job.Attempt), 10))
	return r, nil
}

// redirect decides about a redirect before anything is sent there.
func (x *exchange) redirect(next *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return executor.Refusef("http_redirects", "more than %d redirects", maxRedirects)
	}
	to, err := originOf(next.URL)
	if err != nil || next.URL.User != nil {
		return executor.Refusef("http_redirects", "redirected to a URL that is refused")
	}
	if !x.runner.origins[to] {
		return originRefused(to)
	}
	next.URL.RawQuery = escapeQuery(next.URL.RawQuery)
	if next.Method != via[0].Method && next.Response.StatusCode != http.StatusSeeOther {
		return http.ErrUseLastResponse // answered as if it were done, though it was not
	}
	if to != x.payload.origin {
		for _, h := range x.payload.headers {
			if h.name != "Content-Type" && h.name != "Accept" {
				next.Header.Del(h.name)
			}
		}
		next.Header.Del("Referer") // holds the query of the first URL
	}
	return nil
}
