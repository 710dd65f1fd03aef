//go:build duckdb

package duckdb

import (
	"errors"
	"regexp"
	"strings"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/tagexec/tagexec/executor/runner/sql"
)

// neverPass are the types of errors of statements that fail every time: their text is
// wrong, or names what is not there.
var neverPass = map[duckdb.ErrorType]bool{
	duckdb.ErrorTypeParser: true, duckdb.ErrorTypeSyntax: true, duckdb.ErrorTypeCatalog: true, duckdb.ErrorTypeBinder: true,
	duckdb.ErrorTypeNotImplemented: true, duckdb.ErrorTypeParameterNotResolved: true, duckdb.ErrorTypeParameterNotAllowed: true,
}

var (
	// line is where DuckDB quotes the statement, by lines from 1.
	line = regexp.MustCompile(`\n\s*\nLINE (\d+): `)
	// name is what looks like one of the catalog; whatever else is quoted may be data.
	name = regexp.MustCompile(`"([A-Za-z_][A-Za-z0-9_.]*)"`)
)

// classify returns the type of an error as its code: CATALOG, OUT_OF_MEMORY, …
func classify(err error) (code, message string, permanent bool) {
	var told *duckdb.Error
	if !errors.As(err, &told) {
		return "error", "the driver refused it; the output says why", false
	}
	kind, text, _ := strings.Cut(told.Msg, " Error: ")
	code = strings.ReplaceAll(strings.ToUpper(kind), " ", "_")
	if told.Type == duckdb.ErrorTypeInvalid { // it begins with something else
		return "error", "the output says what is wrong", false
	}
	at := line.FindStringSubmatch(text)
	text, _, _ = strings.Cut(text, "\n") // hints and the statement follow
	if told.Type == duckdb.ErrorTypeCatalog || told.Type == duckdb.ErrorTypeBinder {
		text = name.ReplaceAllString(text, "$1")
	}
	text = strings.TrimRight(sql.WithoutValues(text), ".!")
	if at != nil {
		text += " at line " + at[1]
	}
	return code, text, neverPass[told.Type]
}
