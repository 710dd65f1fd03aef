package trace

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/tagexec/tagexec/cmd/internal/config"
	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

// closeTime is how long Close tries to get rid of the last spans.
const closeTime = 500 * time.Millisecond

// Batches tell which trace a batch belongs to; *store.Store does.
type Batches interface {
	BatchTraceparent(ctx context.Context, batch string) (string, error)
}

// Tracer is an executor.Tracer that sends spans.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	parents  parents
}

// New returns a Tracer that sends spans to a collector. OTEL_SERVICE_NAME,
// OTEL_RESOURCE_ATTRIBUTES and OTEL_TRACES_SAMPLER count as everywhere. Close it after
// the executor has ended.
func New(ctx context.Context, to config.Traces, version string, batches Batches, log *slog.Logger) (*Tracer, error) {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces could not be sent", "error", err) }))
	exporter, err := otlptrace.New(ctx, &client{to: to, http: http.Client{Timeout: to.Timeout}})
	if err != nil {
		return nil, fmt.Errorf("set up traces: %w", err)
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "tagexec"), attribute.String("service.version", version)),
		resource.WithHost(), resource.WithFromEnv()) // the later one stands
	if err != nil {
		return nil, fmt.Errorf("set up traces: %w", err)
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about))
	return &Tracer{
		provider: provider,
		tracer:   provider.Tracer("github.com/tagexec/tagexec"),
		parents:  parents{batches: batches, known: map[string]parent{}},
	}, nil
}

// Close sends what is left, for a moment.
func (t *Tracer) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // the error handler has logged it
}

// Begin implements executor.Tracer.
func (t *Tracer) Begin(ctx context.Context, job *store.Job, claimed time.Time) (context.Context, executor.Trace) {
	ctx = t.below(ctx, job)
	attributes := []attribute.KeyValue{
		attribute.Int64("tagexec.job_id", job.ID),
		attribute.Int("tagexec.attempt", int(job.Attempt)),
		attribute.String("tagexec.tag", job.Tag),
		attribute.String("tagexec.kind", job.Kind),
		attribute.String("tagexec.pool", job.Pool),
		attribute.Float64("tagexec.wait_seconds", max(0, claimed.Sub(job.RunAt).Seconds())),
	}
	if job.Batch != nil {
		attributes = append(attributes, attribute.String("tagexec.batch", *job.Batch))
	}
	if job.BizDate != nil {
		attributes = append(attributes, attribute.String("tagexec.biz_date", job.BizDate.Format(time.DateOnly)))
	}
	ctx, span := t.tracer.Start(ctx, "attempt "+job.Kind, trace.WithTimestamp(claimed), trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(attributes...))
	span.AddEvent("run")
	out := propagation.MapCarrier{}
	w3c.Inject(ctx, out)
	return executor.WithTraceparent(ctx, out["traceparent"]), attempt{span}
}

// w3c reads and writes a traceparent.
var w3c propagation.TraceContext

// below returns a context below the trace that a job belongs to: of its payload, else of
// its batch. What is no traceparent counts as none.
func (t *Tracer) below(ctx context.Context, job *store.Job) context.Context {
	if bytes.Contains(job.Payload, []byte(`"traceparent"`)) {
		var payload struct{ Traceparent string }
		_ = json.Unmarshal(job.Payload, &payload) // what cannot be read the Runner refuses
		if own := extract(ctx, payload.Traceparent); trace.SpanContextFromContext(own).IsValid() {
			return own
		}
	}
	if job.Batch == nil {
		return ctx
	}
	return extract(ctx, t.parents.of(ctx, *job.Batch))
}

func extract(ctx context.Context, traceparent string) context.Context {
	return w3c.Extract(ctx, propagation.MapCarrier{"traceparent": traceparent})
}

// attempt is the span of one.
type attempt struct{ span trace.Span }

// Ended implements executor.Trace.
func (a attempt) Ended(r *store.Result) {
	a.span.AddEvent("record")
	a.span.SetAttributes(attribute.String("tagexec.outcome", string(r.Outcome)))
	if r.ErrorCode != "" {
		a.span.SetAttributes(attribute.String("tagexec.error_code", r.ErrorCode))
	}
	if r.Outcome == store.Failed || r.Outcome == store.TimedOut {
		a.span.SetStatus(codes.Error, r.Error)
	}
}

// Recorded implements executor.Trace.
func (a attempt) Recorded(fate store.Fate) {
	if fate != store.Applied {
		a.span.SetAttributes(attribute.String("tagexec.record", string(fate)))
	}
	a.span.End()
}

var _ executor.Tracer = (*Tracer)(nil)
