package config

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/kelseyhightower/envconfig"
)

// UnknownVariables returns variables of our Prefix that mean nothing, most
// likely misspelt. Those that a command job is given are no mistake.
func UnknownVariables() []string {
	known := map[string]bool{}
	for _, name := range []string{"JOB_ID", "ATTEMPT", "TAG", "BATCH", "BIZ_DATE"} {
		known[Prefix+"_"+name] = true
	}
	for _, v := range variables() {
		known[v.name] = true
	}
	var unknown []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(strings.ToUpper(name), Prefix+"_") && !known[name] {
			unknown = append(unknown, name)
		}
	}
	return unknown
}

// variable is one line of `tagexec help config`.
type variable struct{ name, value, meaning string }

func variables() []variable {
	const separator = "\x1f"
	var text bytes.Buffer
	format := strings.Join([]string{"{{range .}}{{usage_key .}}", "{{usage_default .}}", "{{usage_description .}}\n{{end}}"}, separator)
	if err := envconfig.Usagef(Prefix, &Config{}, &text, format); err != nil {
		panic(err) // the format above is wrong
	}
	var list []variable
	for line := range strings.Lines(text.String()) {
		field := strings.Split(strings.TrimSuffix(line, "\n"), separator)
		list = append(list, variable{field[0], field[1], field[2]})
	}
	return list
}

// Help describes all variables: what `tagexec help config` prints.
func Help() string {
	var text strings.Builder
	text.WriteString("tagexec is configured by environment variables:\n\n")
	for _, v := range variables() {
		fmt.Fprintf(&text, "  %-30s %-15s %s\n", v.name, v.value, v.meaning)
	}
	text.WriteString("\nThe middle column is the default. Durations are written 250ms, 30s, 1h, 90d.\n" +
		"A kind of job is run if it is configured: sql by " + Prefix + "_SQL_SOURCES, command by\n" + Prefix + "_COMMANDS_DIR, http by " + Prefix + "_HTTP_ORIGINS.\n" +
		"Traces are sent where OTEL_EXPORTER_OTLP_ENDPOINT is set (http/protobuf), as OpenTelemetry describes it.")
	return text.String()
}
