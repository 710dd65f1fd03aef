package sql

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/words"
)

const (
	// MaxRow is the longest row that is taken from a server, in bytes.
	MaxRow = 1 << 20
	// MaxResult is the longest row that becomes the result of a job, in bytes, as JSON.
	MaxResult = 256 << 10
)

// RowTooLarge refuses a first row that is longer than MaxRow.
func RowTooLarge(where string) *executor.Failure {
	return executor.Refusef("row_too_large",
		"%s: its first row is longer than the %s bytes an executor takes; the result of a job is a summary", where, words.Thousands(MaxRow))
}

// Fits returns a row that is short enough for a result, else nil, and then tells the
// output why.
func Fits(row json.RawMessage, output io.Writer) json.RawMessage {
	if len(row) <= MaxResult {
		return row
	}
	NoResult(int64(len(row)), output)
	return nil
}

// NoResult tells the output that a row is too long for a result.
func NoResult(size int64, output io.Writer) {
	fmt.Fprintf(output, "the returned row is no result: it has %s bytes, at most %s are kept\n", words.Thousands(size), words.Thousands(MaxResult))
}

// Object makes a JSON object of a row. Of columns with one name the last counts.
func Object(columns []string, values []json.RawMessage) (json.RawMessage, error) {
	object := make(map[string]json.RawMessage, len(columns))
	for i, name := range columns {
		object[name] = values[i]
	}
	return json.Marshal(object)
}
