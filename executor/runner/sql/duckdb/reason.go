//go:build duckdb

package duckdb

import (
	"regexp"
	"strings"
)

// holder is who has the file, as DuckDB tells it.
var holder = regexp.MustCompile(`\(PID \d+\)`)

// reason says why the file cannot be opened. The driver gives it as text only, with the
// path in it.
func reason(err error) string {
	text := err.Error()
	has := func(part string) bool { return strings.Contains(text, part) }
	switch {
	case has("Could not set lock on file"):
		return strings.TrimSpace("another process has the file open, and DuckDB lets in one at a time " + holder.FindString(text))
	case has("No such file or directory"):
		return "the directory of the file does not exist"
	case has("Permission denied"), has("Read-only file system"):
		return "the executor may not write the file or its directory"
	case has("not a valid DuckDB database file"), has("Is a directory"):
		return "the file is none of DuckDB's"
	case has("invalid or local option"), has("Invalid Input Error"):
		return "set.NAME of the URL names no setting of a whole database, or not a value that it takes"
	}
	return "DuckDB cannot open the file"
}
