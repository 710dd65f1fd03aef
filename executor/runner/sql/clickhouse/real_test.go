//go:build engines

package clickhouse_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/executor/runner/sql/enginetest"
	"github.com/tagexec/tagexec/executor/runner/sql/enginetest/clickhouseserver"
)

func TestTheExampleLeavesItsRowsOnceHoweverOftenItRuns(t *testing.T) {
	server := clickhouseserver.Start(t)
	enginetest.Example(t, "clickhouse", server.URL(), func(statement string) { server.Query(t, statement) }, func() string {
		return strings.Join(server.Query(t, "SELECT * FROM high_value ORDER BY customer"), "\n")
	})
}

func TestManyJobs(t *testing.T) {
	server := clickhouseserver.Start(t)
	server.Query(t, "CREATE TABLE many (job Int64, row Int64) ENGINE = MergeTree ORDER BY job")
	enginetest.ManyJobs(t, server.URL(), func(job int) string {
		return fmt.Sprintf(`{"statement": "INSERT INTO many SELECT %d, number FROM numbers(100)"}`, job)
	})
	if got := server.Query(t, "SELECT count(), uniqExact(job) FROM many")[0]; got != fmt.Sprintf("%d\t%d", 100*enginetest.Crowd, enginetest.Crowd) {
		t.Errorf("rows and jobs are %q", got)
	}
}
