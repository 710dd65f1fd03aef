package postgres_test

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

const example = "../../../../examples/engines/postgres/"

// The worked tag runs twice, as after an attempt whose answer was lost.
func TestTheExampleWritesTheSameTwice(t *testing.T) {
	t.Parallel()
	db := storetest.Empty(t)
	conn, err := pgx.Connect(t.Context(), db.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), read(t, "tables.sql")); err != nil {
		t.Fatal(err)
	}
	var job struct {
		Tag     string
		Day     string `json:"biz_date"`
		Payload json.RawMessage
	}
	if err := json.Unmarshal([]byte(read(t, "job.json")), &job); err != nil {
		t.Fatal(err)
	}
	day, err := time.Parse(time.DateOnly, job.Day)
	if err != nil {
		t.Fatal(err)
	}
	sources, err := runner.NewSQL(t.Context(), map[string]string{"warehouse": db.URL}, runner.SQLOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer sources.Close()
	for attempt := range int32(2) {
		report, err := sources.Run(t.Context(), &store.Job{Claim: store.Claim{ID: 7, Attempt: attempt + 1}, Tag: job.Tag, BizDate: &day, Payload: job.Payload})
		if err != nil {
			t.Fatal(err)
		}
		if want := int64(2 + 2*attempt); *report.RowsAffected != want { // the second deletes what the first wrote
			t.Errorf("attempt %d changed %d rows, want %d", attempt+1, *report.RowsAffected, want)
		}
	}
	rows, _ := conn.Query(t.Context(), "SELECT concat_ws(E'\\t', tag, day, customer) FROM user_tags ORDER BY customer")
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if want := read(t, "expected.tsv"); strings.Join(got, "\n")+"\n" != want {
		t.Errorf("got %q, want %q", got, want)
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
