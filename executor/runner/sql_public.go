package runner

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tagexec/tagexec/executor/runner/strictjson"
)

// The error of an attempt is read by everybody who may read tagreport, the output
// only by those who may read payloads. So of what a server says the error holds
// what is wrong and where, and the output all of it.

const quotationMark = `["'` + "`" + `«»‹›“”„‘’「」『』]`

var (
	// quoted is what stands in quotation marks, of any language: from the first
	// to the last, since a value may hold some too.
	quoted    = regexp.MustCompile(`(?s)` + quotationMark + `.*` + quotationMark)
	quotation = regexp.MustCompile(quotationMark)
	// parameter finds which argument the server could not read, in the context of an
	// error; other lines there quote data.
	parameter = regexp.MustCompile(`(?m)^[\p{L} ]+\$(\d{1,5})(?: = .*)?$`)
)

// publicMessage returns a server's message without the values that it quotes. It
// does so in the class "data exception"; elsewhere it quotes names.
func publicMessage(e *pgconn.PgError) string {
	if !strings.HasPrefix(e.Code, "22") {
		return e.Message
	}
	message := e.Message
	if first := quotation.FindStringIndex(message); first != nil && len(message) > maxNotice/2 {
		message = message[:first[0]] // its end, and with it a quotation mark, may have been cut off
	}
	message = strings.TrimRight(quoted.ReplaceAllString(message, "…"), " :…")
	if n := parameter.FindStringSubmatch(e.Where); n != nil {
		message += ", in argument $" + n[1]
	}
	return message
}

// hideArguments puts $1 in the place of the first argument's value, and so on,
// wherever a message holds it: a procedure may quote what it was given. What
// stands in the statement itself is no value.
func hideArguments(message string, st statement) string {
	type value struct {
		text string
		of   int
	}
	var values []value
	for i, arg := range st.args {
		for _, text := range scalars(arg) {
			if len(text) >= shortest && !strings.Contains(st.text, text) {
				values = append(values, value{text, i + 1})
			}
		}
	}
	slices.SortStableFunc(values, func(a, b value) int { return len(b.text) - len(a.text) }) // one may be a part of another
	for _, v := range values {
		message = strings.ReplaceAll(message, v.text, "$"+strconv.Itoa(v.of))
	}
	return message
}

// scalars returns the strings and numbers in a JSON value.
func scalars(raw json.RawMessage) (list []string) {
	switch strictjson.Kind(raw) {
	case "a string":
		return []string{textOf(raw)}
	case "a number":
		return []string{strings.TrimSpace(string(raw))}
	case "an array":
		for _, element := range elements(raw) {
			list = append(list, scalars(element)...)
		}
	case "an object":
		for _, member := range members(raw) {
			list = append(list, scalars(member)...)
		}
	}
	return list
}
