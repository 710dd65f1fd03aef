//go:build engines

package hive_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/executor/runner/sql/enginetest"
)

func theExample(t *testing.T, server *spark) {
	enginetest.Example(t, "spark", server.url(), func(statement string) { server.exec(t, statement) }, func() string {
		var got struct{ Lines string }
		const rows = "SELECT array_join(sort_array(collect_list(concat(biz_date, '\t', user_id))), '\n') AS lines FROM user_tags WHERE tag = 'high_value'"
		if err := json.Unmarshal(server.exec(t, rows), &got); err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(got.Lines)
	})
}

// manyJobs only reads: a write takes Spark a second or two, which says nothing about the
// engine.
func manyJobs(t *testing.T, server *spark) {
	results := enginetest.ManyJobs(t, server.url(), func(job int) string { return fmt.Sprintf(`{"statement": "SELECT %d AS job"}`, job) })
	for job := 1; job <= enginetest.Crowd; job++ {
		if want := fmt.Sprintf(`{"job":%d}`, job); string(results[job]) != want {
			t.Errorf("job %d has the result %s", job, results[job])
		}
	}
}
