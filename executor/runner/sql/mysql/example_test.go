//go:build engines

package mysql_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/store"
)

const example = "../../../../examples/engines/mariadb/"

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(example + file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheExampleLeavesItsRowsOnceHoweverOftenItRuns(t *testing.T) {
	t.Parallel()
	url, admin := database(t)
	for table := range strings.SplitSeq(read(t, "tables.sql"), ";\n") {
		must(t, admin, table)
	}
	var submitted struct {
		Tag     string
		BizDate string `json:"biz_date"`
		Payload json.RawMessage
	}
	if err := json.Unmarshal([]byte(read(t, "job.json")), &submitted); err != nil {
		t.Fatal(err)
	}
	day, err := time.Parse(time.DateOnly, submitted.BizDate)
	if err != nil {
		t.Fatal(err)
	}
	s := newSQL(t, url)
	for attempt := range int32(3) {
		j := &store.Job{Claim: store.Claim{ID: 7, Attempt: attempt + 1}, Tag: submitted.Tag, BizDate: &day, Payload: submitted.Payload}
		if _, err := s.Run(t.Context(), j); err != nil {
			t.Fatal(err)
		}
		const rows = `SELECT concat(group_concat(concat_ws('\t', day, customer, spent) ORDER BY customer SEPARATOR '\n'), '\n') FROM high_value`
		if got, want := value(t, admin, rows), read(t, "expected.tsv"); got != want {
			t.Errorf("attempt %d left\n%swant\n%s", attempt+1, got, want)
		}
	}
}
