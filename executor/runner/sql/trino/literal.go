package trino

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/tagexec/tagexec/executor/runner/sql"
	"github.com/tagexec/tagexec/executor/runner/strictjson"
)

// withArgs is a statement with its values, which become literals behind USING: nothing is
// put into the statement itself, but that its quotation marks are doubled.
func withArgs(st sql.Statement) string {
	if len(st.Args) == 0 {
		return st.Text
	}
	values := make([]string, len(st.Args))
	for i, arg := range st.Args {
		values[i] = literal(arg)
	}
	return "EXECUTE IMMEDIATE " + quote(st.Text) + " USING " + strings.Join(values, ", ")
}

// quote is a text as a literal: no character but the quotation mark means something there.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// literal is a value with the type that JSON gives it: text is varchar, a whole number
// integer, bigint or decimal, one with a point decimal, one with an exponent double. A
// date or another type is a cast in the statement. An object is its JSON text.
func literal(value json.RawMessage) string {
	text := string(bytes.TrimSpace(value))
	switch strictjson.Kind(value) {
	case "a string":
		return quote(strictjson.Text(value))
	case "an object":
		var compact bytes.Buffer
		_ = json.Compact(&compact, value) // the payload was read as JSON: it is
		return quote(compact.String())
	case "an array":
		var list []string
		for _, element := range strictjson.Elements(value) {
			list = append(list, literal(element))
		}
		return "ARRAY[" + strings.Join(list, ", ") + "]"
	case "a number":
		if _, err := strconv.ParseInt(text, 10, 64); err == nil {
			return text
		}
		if strings.ContainsAny(text, "eE") {
			return "DOUBLE " + quote(text)
		}
		return "DECIMAL " + quote(text)
	}
	return strings.ToUpper(text) // NULL, TRUE, FALSE
}
