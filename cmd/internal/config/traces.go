package config

import (
	"cmp"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// Traces say where spans go, as the variables of OpenTelemetry do.
type Traces struct {
	URL     string            // to which they are posted
	Headers map[string]string // that go along; they may hold secrets
	Timeout time.Duration     // of a post
}

// LoadTraces reads the variables of OpenTelemetry (OTEL_EXPORTER_OTLP_ENDPOINT,
// _HEADERS, _TIMEOUT, _PROTOCOL, each also with TRACES_ before its last word, and
// OTEL_TRACES_EXPORTER). It returns nil where they do not ask for traces. The problems
// quote no header.
func LoadTraces() (*Traces, []string) {
	exporter := os.Getenv("OTEL_TRACES_EXPORTER")
	of := func(name string) string {
		return strings.TrimSpace(cmp.Or(os.Getenv("OTEL_EXPORTER_OTLP_TRACES_"+name), os.Getenv("OTEL_EXPORTER_OTLP_"+name)))
	}
	if exporter == "none" || strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") || exporter != "otlp" && of("ENDPOINT") == "" {
		return nil, nil
	}
	var problems []string
	if exporter != "" && exporter != "otlp" {
		problems = append(problems, fmt.Sprintf("OTEL_TRACES_EXPORTER is %q: tagexec knows otlp and none", exporter))
	}
	if protocol := of("PROTOCOL"); protocol != "" && protocol != "http/protobuf" {
		problems = append(problems, fmt.Sprintf("OTEL_EXPORTER_OTLP_PROTOCOL is %q: tagexec speaks http/protobuf alone", protocol))
	}
	t := &Traces{URL: os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), Headers: map[string]string{}, Timeout: 10 * time.Second}
	if t.URL == "" {
		t.URL = strings.TrimSuffix(cmp.Or(of("ENDPOINT"), "http://localhost:4318"), "/") + "/v1/traces"
	}
	if u, err := url.Parse(t.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		problems = append(problems, "OTEL_EXPORTER_OTLP_ENDPOINT is no URL such as http://localhost:4318")
	}
	for i, pair := range strings.Split(of("HEADERS"), ",") {
		name, value, found := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		switch {
		case strings.TrimSpace(pair) == "":
		case !found || err != nil:
			problems = append(problems, fmt.Sprintf("OTEL_EXPORTER_OTLP_HEADERS: pair %d is not of the form name=value", i+1))
		default:
			t.Headers[strings.TrimSpace(name)] = value
		}
	}
	if text := of("TIMEOUT"); text != "" {
		milliseconds, err := strconv.Atoi(text)
		if err != nil || milliseconds <= 0 {
			problems = append(problems, fmt.Sprintf("OTEL_EXPORTER_OTLP_TIMEOUT is %q: must be a number of milliseconds", text))
		}
		t.Timeout = time.Duration(milliseconds) * time.Millisecond
	}
	return t, problems
}
