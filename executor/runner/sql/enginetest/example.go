package enginetest

import (
	"cmp"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/store"
)

// Example runs the worked tag in examples/engines/NAME twice, as after an attempt whose
// answer was lost, and checks that the same rows are there each time. exec runs a
// statement as an administrator; rows returns those of the tag as lines, values between
// tabs.
func Example(t *testing.T, name, url string, exec func(statement string), rows func() string) {
	t.Helper()
	read := func(file string) string {
		text, err := os.ReadFile("../../../../examples/engines/" + name + "/" + file)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(text))
	}
	for statement := range strings.SplitSeq(read("tables.sql"), ";\n") {
		exec(strings.TrimSuffix(statement, ";"))
	}
	var submitted struct {
		Tag     string
		Day     string `json:"biz_date"`
		Payload json.RawMessage
	}
	var payload struct{ Source string }
	if err := json.Unmarshal([]byte(read("job.json")), &submitted); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(submitted.Payload, &payload); err != nil {
		t.Fatal(err)
	}
	day, err := time.Parse(time.DateOnly, submitted.Day)
	if err != nil {
		t.Fatal(err)
	}
	r, err := runner.NewSQL(t.Context(), map[string]string{cmp.Or(payload.Source, "tags"): url}, runner.SQLOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	want := read("expected.tsv")
	for attempt := range int32(2) {
		job := &store.Job{Claim: store.Claim{ID: 7, Attempt: attempt + 1}, Tag: submitted.Tag, BizDate: &day, Payload: submitted.Payload}
		if _, err := r.Run(t.Context(), job); err != nil {
			t.Fatal(err)
		}
		if got := rows(); got != want {
			t.Errorf("attempt %d left\n%s\nwant\n%s", attempt+1, got, want)
		}
	}
}
