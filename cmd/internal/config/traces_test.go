package config

import (
	"maps"
	"os"
	"strings"
	"testing"
	"time"
)

func TestTracesAreAskedForByTheVariablesOfOpenTelemetry(t *testing.T) {
	for name, c := range map[string]struct {
		env     map[string]string
		url     string // "": none
		problem string
	}{
		"nothing":               {nil, "", ""},
		"an endpoint":           {map[string]string{"EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, "http://c:4318/v1/traces", ""},
		"one with a slash":      {map[string]string{"EXPORTER_OTLP_ENDPOINT": "http://c:4318/"}, "http://c:4318/v1/traces", ""},
		"one for traces alone":  {map[string]string{"EXPORTER_OTLP_ENDPOINT": "http://c", "EXPORTER_OTLP_TRACES_ENDPOINT": "https://d/x"}, "https://d/x", ""},
		"the exporter alone":    {map[string]string{"TRACES_EXPORTER": "otlp"}, "http://localhost:4318/v1/traces", ""},
		"none":                  {map[string]string{"TRACES_EXPORTER": "none", "EXPORTER_OTLP_ENDPOINT": "http://c"}, "", ""},
		"turned off":            {map[string]string{"SDK_DISABLED": "true", "EXPORTER_OTLP_ENDPOINT": "http://c"}, "", ""},
		"the right protocol":    {map[string]string{"EXPORTER_OTLP_PROTOCOL": "http/protobuf", "EXPORTER_OTLP_ENDPOINT": "http://c"}, "http://c/v1/traces", ""},
		"another protocol":      {map[string]string{"EXPORTER_OTLP_PROTOCOL": "grpc", "EXPORTER_OTLP_ENDPOINT": "http://c"}, "", "OTEL_EXPORTER_OTLP_PROTOCOL is \"grpc\""},
		"another exporter":      {map[string]string{"TRACES_EXPORTER": "zipkin", "EXPORTER_OTLP_ENDPOINT": "http://c"}, "", "OTEL_TRACES_EXPORTER is \"zipkin\""},
		"no URL":                {map[string]string{"EXPORTER_OTLP_ENDPOINT": "c:4317"}, "", "OTEL_EXPORTER_OTLP_ENDPOINT"},
		"a header that is none": {map[string]string{"EXPORTER_OTLP_ENDPOINT": "http://c", "EXPORTER_OTLP_HEADERS": "a=b,hush"}, "", "pair 2"},
		"a time that is none":   {map[string]string{"EXPORTER_OTLP_ENDPOINT": "http://c", "EXPORTER_OTLP_TIMEOUT": "1s"}, "", "OTEL_EXPORTER_OTLP_TIMEOUT"},
	} {
		t.Run(name, func(t *testing.T) {
			clearOTel(t)
			for variable, value := range c.env {
				t.Setenv("OTEL_"+variable, value)
			}
			got, problems := LoadTraces()
			said := strings.Join(problems, "; ")
			if (c.problem == "") != (said == "") || !strings.Contains(said, c.problem) || strings.Contains(said, "hush") {
				t.Errorf("problems %q", said)
			}
			if c.problem == "" && (got == nil) != (c.url == "") || got != nil && c.problem == "" && got.URL != c.url {
				t.Errorf("got %+v, want %q", got, c.url)
			}
		})
	}
}

func TestTracesHaveHeadersAndATime(t *testing.T) {
	clearOTel(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c")
	if got, _ := LoadTraces(); got.Timeout != 10*time.Second || len(got.Headers) != 0 {
		t.Errorf("%+v", got)
	}
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x=1")
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS", " key = a%20b ,other=c=d")
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1500")
	got, problems := LoadTraces()
	if len(problems) > 0 || got.Timeout != 1500*time.Millisecond || !maps.Equal(got.Headers, map[string]string{"key": "a b", "other": "c=d"}) {
		t.Errorf("%+v, %q", got, problems)
	}
}

// clearOTel takes the variables of OpenTelemetry away for the time of the test.
func clearOTel(t *testing.T) {
	t.Helper()
	for _, entry := range os.Environ() {
		if name, value, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "OTEL_") {
			t.Setenv(name, value)
			os.Unsetenv(name)
		}
	}
}
