//go:build engines

package trino_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/executor/runner/sql/enginetest/trinoserver"
	"github.com/tagexec/tagexec/store"
)

const example = "../../../../examples/engines/trino/"

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(example + file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestOnARealServer has one server for all: it takes long to start.
func TestOnARealServer(t *testing.T) {
	server := trinoserver.Start(t)
	t.Run("the example leaves its rows once, however often it runs", func(t *testing.T) { exampleTwice(t, server) })
	t.Run("no connection", func(t *testing.T) { noConnection(t, server) })
	t.Run("200 jobs by 8 workers on 3 connections", func(t *testing.T) { manyJobs(t, server) })
}

func exampleTwice(t *testing.T, server *trinoserver.Server) {
	for statement := range strings.SplitSeq(read(t, "tables.sql"), ";\n") {
		server.Query(t, statement)
	}
	var job struct{ Payload json.RawMessage }
	if err := json.Unmarshal([]byte(read(t, "job.json")), &job); err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSpace(read(t, "expected.tsv")), "\n")
	for range 2 {
		if _, err := run(t, t.Context(), server.URL(), string(job.Payload), 1); err != nil {
			t.Fatal(err)
		}
		if got := server.Query(t, "SELECT * FROM high_value ORDER BY customer"); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func noConnection(t *testing.T, server *trinoserver.Server) {
	if _, err := run(t, t.Context(), server.SecureURL(trinoserver.Password), `{"statement": "SELECT 1"}`, 1); err != nil {
		t.Errorf("the right password: %v", err)
	}
	unknown, _, _ := strings.Cut(server.SecureURL(trinoserver.Password), "?")
	for want, source := range map[string]string{
		"the login was refused":          server.SecureURL("wr0ng-Passw0rd"),
		"signed by an unknown authority": unknown,
	} {
		_, err := run(t, t.Context(), source, `{"statement": "SELECT 1"}`, 1)
		if got := failure(t, err); got.Permanent || !strings.Contains(got.Message, want) || strings.Contains(got.Message, trinoserver.Password) {
			t.Errorf("got %v, want %q", got, want)
		}
	}
}

func manyJobs(t *testing.T, server *trinoserver.Server) {
	const jobs, workers, connections = 200, 8, 3
	server.Query(t, "CREATE TABLE many (job bigint, row bigint)")
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
				payload := fmt.Sprintf(`{"statement": "INSERT INTO many SELECT ?, n FROM unnest(sequence(1, 10)) AS t(n)", "args": [%d]}`, id)
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
	if got := server.Query(t, "SELECT count(*), count(DISTINCT job) FROM many")[0]; got != "2000\t200" {
		t.Errorf("rows and jobs are %q", got)
	}
}
