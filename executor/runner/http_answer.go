package runner

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/words"
)

// answer reads an answer and judges it.
func (x *exchange) answer(ctx context.Context, r *http.Response) (executor.Report, error) {
	status := int32(r.StatusCode)
	report := executor.Report{ExitCode: &status}
	if r.StatusCode == http.StatusSwitchingProtocols {
		return report, x.judge(r) // what follows is no body, and not even ctx ends it
	}
	body, cut, err := readBody(r, x.runner.maxBody, x.show(ctx, r))
	report.OutputBytes = int64(len(body))
	if cut || err != nil {
		body = x.redact.cutText(body)
	} else {
		body = x.redact.bytes(body)
		report.Value = objectResult(body)
	}
	var capture Capture
	_, _ = capture.Write(body)
	report.Output = capture.String()
	if cut {
		report.Output += fmt.Sprintf("\n… the answer is longer than %s bytes; the rest was not read …\n", words.Thousands(x.runner.maxBody))
	}
	if name := packing(r); len(body) > 0 && !slices.Contains(unpacked, name) {
		report.Output += fmt.Sprintf("\n… the answer is packed as %s, which is not unpacked …\n", x.shown(name))
	}
	refused := x.judge(r)
	if err != nil && (refused == nil || ctx.Err() != nil) {
		return report, x.failure(ctx, r.Request.URL, err)
	}
	return report, refused
}

func (x *exchange) judge(r *http.Response) error {
	if r.StatusCode >= 200 && r.StatusCode <= 299 {
		return nil
	}
	f := executor.Failf("http_status", "%s answered %d %s%s",
		x.name(r.Request.Method, r.Request.URL), r.StatusCode, http.StatusText(r.StatusCode), x.explanation(r))
	switch {
	case r.StatusCode >= 500,
		r.StatusCode == http.StatusRequestTimeout,
		r.StatusCode == http.StatusTooEarly,
		r.StatusCode == http.StatusTooManyRequests:
		f.RetryAfter = retryAfter(r.Header)
	case r.StatusCode >= 300 && r.StatusCode <= 399 && r.Header.Get("Location") != "":
		f.Message += ", a redirect that is not followed: it would turn the request into a GET"
		f.Permanent = true
	default:
		f.Permanent = true
	}
	return f
}

// explanation returns the headers of an answer that say why it has its status, in
// brackets. Of Location only the origin: its path may be a secret.
func (x *exchange) explanation(r *http.Response) string {
	var found []string
	for _, name := range explaining(r.StatusCode) {
		if values := r.Header.Values(name); len(values) > 0 {
			found = append(found, name+": "+x.shown(strings.Join(values, ", ")))
		}
	}
	if to, err := r.Location(); err == nil {
		found = append(found, "Location: "+x.shown(to.Scheme+"://"+to.Host)+"/…")
	}
	if len(found) == 0 {
		return ""
	}
	return " (" + strings.Join(found, "; ") + ")"
}

// explaining names the headers that say more than a status.
func explaining(status int) []string {
	switch status {
	case http.StatusSwitchingProtocols, http.StatusUpgradeRequired:
		return []string{"Upgrade"}
	case http.StatusUnauthorized, http.StatusForbidden:
		return []string{"WWW-Authenticate"}
	case http.StatusMethodNotAllowed:
		return []string{"Allow"}
	case http.StatusProxyAuthRequired:
		return []string{"Proxy-Authenticate"}
	case http.StatusNotAcceptable, http.StatusUnsupportedMediaType:
		return []string{"Accept", "Accept-Post", "Accept-Patch", "Accept-Encoding"}
	}
	return []string{"Retry-After"}
}

// retryAfter reads Retry-After, seconds or a date, which counts from the
// server's own clock where that is told. It is at most an hour.
func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil {
		return time.Duration(min(max(seconds, 0), int64(maxRetryAfter/time.Second))) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}

// failure turns an error of the request into that of the attempt.
func (x *exchange) failure(ctx context.Context, u *url.URL, err error) error {
	name := x.name(x.payload.method, u)
	if ctx.Err() != nil {
		return fmt.Errorf("%s was ended: %w", name, context.Cause(ctx))
	}
	var refused *executor.Failure
	if errors.As(err, &refused) {
		refused.Message = words.Clip(x.redact.text(name+" was redirected: "+refused.Message), 500)
		return refused
	}
	f := executor.Failf("http_error", "%s: %s", name, x.shown(reason(err)))
	if !x.sent.Load() {
		return unavailable(x.payload.origin.resource(), f)
	}
	return f
}

// details returns in full an error that reason has no words for, for the output.
// It may quote the server.
func (x *exchange) details(ctx context.Context, err error) string {
	if ctx.Err() != nil || reason(err) != unreadable {
		return ""
	}
	var outer *url.Error
	if errors.As(err, &outer) { // whose own words hold the URL
		err = outer.Err
	}
	return x.redact.text(err.Error()) + "\n"
}

// unreadable is the reason of errors that quote what the server sent.
const unreadable = "the answer is no HTTP that can be read (the output has details)"

// reason says what went wrong in words that quote neither the URL nor the server.
func reason(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var body *bodyError
	switch {
	case errors.As(err, &dns):
		return "host name not found"
	case errors.As(err, &op) && op.Timeout() && op.Op == "dial":
		return "no connection in time"
	case errors.As(err, &op) && op.Timeout():
		return "the server is not heard of any more"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the connection was closed before the answer was complete"
	case errors.As(err, &op):
		return op.Op + ": " + rootCause(op.Err).Error()
	case errors.As(err, &certificate):
		return certificate.Error()
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "the server does not speak TLS there: is it http:// and not https://?"
	case errors.As(err, &body):
		return body.Error()
	case strings.Contains(err.Error(), "response headers exceeded"):
		return fmt.Sprintf("the header of the answer is longer than %s bytes", words.Thousands(maxHeader))
	}
	return unreadable
}

// name names a request by its origin: path and query may hold a secret.
func (x *exchange) name(method string, u *url.URL) string {
	return method + " " + x.shown(u.Scheme+"://"+u.Host)
}

// shown makes a text fit for the error of an attempt, which everybody reads: the
// secrets are removed first, and what is left is cut.
func (x *exchange) shown(text string) string {
	return words.Clip(executor.MaskPasswords(x.redact.text(text)), 200)
}

func rootCause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
