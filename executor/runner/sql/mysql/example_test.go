//go:build engines

package mysql_test

import (
	"testing"

	"github.com/tagexec/tagexec/executor/runner/sql/enginetest"
)

func TestTheExampleLeavesItsRowsOnceHoweverOftenItRuns(t *testing.T) {
	t.Parallel()
	url, admin := database(t)
	enginetest.Example(t, "mariadb", url, func(statement string) { must(t, admin, statement) }, func() string {
		return value(t, admin, `SELECT group_concat(concat_ws('\t', day, customer, spent) ORDER BY customer SEPARATOR '\n') FROM high_value`)
	})
}
