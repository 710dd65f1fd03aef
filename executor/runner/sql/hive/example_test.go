//go:build engines

package hive_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/store"
)

const example = "../../../../examples/engines/spark/"

// theExampleWritesTheSameTwice runs the worked tag twice, as after a lost attempt.
func theExampleWritesTheSameTwice(t *testing.T, server *spark) {
	for statement := range strings.SplitSeq(strings.TrimSpace(read(t, "tables.sql")), ";\n") {
		server.exec(t, strings.TrimSuffix(statement, ";"))
	}
	var job struct{ Payload json.RawMessage }
	if err := json.Unmarshal([]byte(read(t, "job.json")), &job); err != nil {
		t.Fatal(err)
	}
	sources, err := runner.NewSQL(t.Context(), map[string]string{"lake": server.url()}, runner.SQLOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer sources.Close()
	for attempt := range 2 {
		if _, err := sources.Run(t.Context(), &store.Job{Claim: store.Claim{ID: 7, Attempt: int32(attempt + 1)}, Tag: "high_value", Payload: job.Payload}); err != nil {
			t.Fatal(err)
		}
	}
	var got struct{ Lines string }
	if err := json.Unmarshal(server.exec(t, "SELECT concat_ws('', sort_array(collect_list(concat(biz_date, '\t', user_id, '\n')))) AS lines FROM user_tags WHERE tag = 'high_value'"), &got); err != nil {
		t.Fatal(err)
	}
	if want := read(t, "expected.tsv"); got.Lines != want {
		t.Errorf("got\n%swant\n%s", got.Lines, want)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(example + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
