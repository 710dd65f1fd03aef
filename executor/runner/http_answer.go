package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tagexec/tagexec/executor"
)

// answer reads an answer and judges it.
func (x *exchange) answer(ctx context.Context, r *http.Response) (executor.Outcome, error) {
	status := int32(r.StatusCode)
	out := executor.Outcome{ExitCode: &status}
	body, err := io.ReadAll(io.LimitReader(r.Body, x.runner.maxBody+1))
	cut := int64(len(body)) > x.runner.maxBody
	if cut {
		body = body[:x.runner.maxBody]
	}
	out.OutputBytes = int64(len(body))
	if cut || err != nil {
		body = x.redact.cutText(body)
	} else {
		body = x.redact.bytes(body)
		out.Result = objectResult(body)
	}
	var capture Capture
	_, _ = capture.Write(body)
	out.Output = capture.String()
	if cut {
		out.Output += fmt.Sprintf("\n… the answer is longer than %s bytes; the rest was not read …\n", thousands(x.runner.maxBody))
	}
	refused := x.judge(r)
	if err != nil && (refused == nil || ctx.Err() != nil) {
		return out, x.failure(ctx, r.Request.URL, err)
	}
	return out, refused
}

func (x *exchange) judge(r *http.Response) error {
	if r.StatusCode >= 200 && r.StatusCode <= 299 {
		return nil
	}
	f := executor.Failf("http_status", "%s answered %d %s",
		x.name(r.Request.Method, r.Request.URL), r.StatusCode, http.StatusText(r.StatusCode))
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
		refused.Message = clip(x.redact.text(name+" was redirected: "+refused.Message), 500)
		return refused
	}
	return executor.Failf("http_error", "%s: %s", name, x.redact.text(reason(err)))
}

// reason names what went wrong without the URL, which may hold a secret.
func reason(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	var outer *url.Error
	switch {
	case errors.As(err, &dns):
		return "host name not found"
	case errors.As(err, &op) && op.Timeout():
		return "no connection in time"
	case errors.As(err, &op):
		return clip(op.Op+": "+rootCause(op.Err).Error(), 200)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "the connection was closed before the answer was complete"
	case errors.As(err, &outer):
		return clip(outer.Err.Error(), 200)
	}
	return clip(err.Error(), 200)
}

// name names the request without the query, which may hold a secret.
func (x *exchange) name(method string, u *url.URL) string {
	return x.redact.text(method + " " + clip(u.Scheme+"://"+u.Host+u.EscapedPath(), 300))
}
