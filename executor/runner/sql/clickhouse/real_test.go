//go:build engines

package clickhouse_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/executor/runner/sql/enginetest/clickhouseserver"
	"github.com/tagexec/tagexec/store"
)

const example = "../../../../examples/engines/clickhouse/"

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(example + file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheExampleLeavesItsRowsOnceHoweverOftenItRuns(t *testing.T) {
	server := clickhouseserver.Start(t)
	for statement := range strings.SplitSeq(read(t, "tables.sql"), ";\n") {
		server.Query(t, statement)
	}
	var job struct{ Payload json.RawMessage }
	if err := json.Unmarshal([]byte(read(t, "job.json")), &job); err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSpace(read(t, "expected.tsv")), "\n")
	for range 2 {
		if _, err := run(t, t.Context(), server.URL(), string(job.Payload)); err != nil {
			t.Fatal(err)
		}
		if got := server.Query(t, "SELECT * FROM high_value ORDER BY customer"); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestManyJobs runs 200 jobs by 8 workers on 3 connections.
func TestManyJobs(t *testing.T) {
	const jobs, workers, connections = 200, 8, 3
	server := clickhouseserver.Start(t)
	server.Query(t, "CREATE TABLE many (job Int64, row Int64) ENGINE = MergeTree ORDER BY job")
	r, err := runner.NewSQL(t.Context(), map[string]string{"tags": server.URL()}, runner.SQLOptions{PoolSize: connections, Queue: "5f0c2a9be771"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ids := make(chan int64)
	var work sync.WaitGroup
	for range workers {
		work.Go(func() {
			for id := range ids {
				payload := fmt.Sprintf(`{"statement": "INSERT INTO many SELECT %d, number FROM numbers(100)"}`, id)
				job := &store.Job{Claim: store.Claim{ID: id, Attempt: 1}, Tag: "many", Payload: json.RawMessage(payload)}
				if _, err := r.Run(t.Context(), job); err != nil {
					t.Errorf("job %d: %v", id, err)
				}
				if c := r.Connections()["tags"]; c.InUse > connections {
					t.Errorf("%d jobs have a connection, %d may", c.InUse, connections)
				}
			}
		})
	}
	for id := range int64(jobs) {
		ids <- id
	}
	close(ids)
	work.Wait()
	if got := server.Query(t, "SELECT count(), uniqExact(job) FROM many")[0]; got != "20000\t200" {
		t.Errorf("rows and jobs are %q", got)
	}
}
