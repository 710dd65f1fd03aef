package clickhouse

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/tagexec/tagexec/executor/runner/strictjson"
)

// escapes are those of the format TabSeparated, in which the server reads parameters.
var escapes = strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`, "\b", `\b`, "\f", `\f`, "\x00", `\0`, "'", `\'`)

// quote is a text as a literal.
func quote(text string) string { return "'" + escapes.Replace(text) + "'" }

// param is a value as the server reads a parameter, by the type in the statement: numbers
// digit by digit, null as \N, an array as its literal, an object as its JSON text.
func param(value json.RawMessage) string {
	switch strictjson.Kind(value) {
	case "a string":
		return escapes.Replace(strictjson.Text(value))
	case "null":
		return `\N`
	case "an array":
		return literal(value)
	case "an object":
		return escapes.Replace(compact(value))
	}
	return string(bytes.TrimSpace(value))
}

// literal is a value within an array.
func literal(value json.RawMessage) string {
	switch strictjson.Kind(value) {
	case "a string":
		return quote(strictjson.Text(value))
	case "null":
		return "NULL"
	case "an array":
		var list []string
		for _, element := range strictjson.Elements(value) {
			list = append(list, literal(element))
		}
		return "[" + strings.Join(list, ",") + "]"
	case "an object":
		return quote(compact(value))
	}
	return string(bytes.TrimSpace(value))
}

func compact(value json.RawMessage) string {
	var out bytes.Buffer
	if json.Compact(&out, value) != nil {
		return string(value) // the payload was read as JSON: it is
	}
	return out.String()
}
