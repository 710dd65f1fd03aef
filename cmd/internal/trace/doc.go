// Package trace gives OpenTelemetry one span for each attempt: from its claim to the
// record of its result, with an event where the run begins and one where it ends. It is
// an executor.Tracer.
//
// A span's parent is the traceparent of the job's payload, else that of its batch (the
// context of submit_jobs). Runners hand the attempt's own on, to a command, a server, a
// database.
//
// Spans go out by OTLP/HTTP in groups, beside the work: where nobody takes them they are
// dropped. The exporter of OpenTelemetry for that brings gRPC along, so client.go posts
// them itself.
package trace
