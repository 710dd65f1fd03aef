//go:build duckdb

package duckdb_test

import (
	"testing"

	"github.com/tagexec/tagexec/executor/runner/sql/enginetest"
)

func TestTheExampleLeavesItsRowsOnceHoweverOftenItRuns(t *testing.T) {
	t.Parallel()
	f := newFile(t)
	enginetest.Example(t, "duckdb", f.url(), func(statement string) { f.do(t, statement) }, func() string {
		return f.value(t, `SELECT string_agg(concat_ws(chr(9), day, customer, spent), chr(10) ORDER BY customer) FROM high_value`)
	})
}
