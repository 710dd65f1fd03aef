//go:build engines

package trino_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/executor/runner/sql/enginetest"
	"github.com/tagexec/tagexec/executor/runner/sql/enginetest/trinoserver"
)

// TestTrino runs everything on one server, which takes its time to start.
func TestTrino(t *testing.T) {
	server := trinoserver.Start(t)
	t.Run("the example leaves its rows once, however often it runs", func(t *testing.T) { theExample(t, server) })
	t.Run("no connection", func(t *testing.T) { noConnection(t, server) })
	t.Run("200 jobs by 8 workers on 3 connections", func(t *testing.T) { manyJobs(t, server) })
	t.Run("cases", func(t *testing.T) { theTwentyCases(t, server) }) // the last: they lose the tables
}

func theExample(t *testing.T, server *trinoserver.Server) {
	enginetest.Example(t, "trino", server.URL(), func(statement string) { server.Query(t, statement) }, func() string {
		return strings.Join(server.Query(t, "SELECT * FROM high_value ORDER BY customer"), "\n")
	})
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
	server.Query(t, "CREATE TABLE many (job bigint, row bigint)")
	enginetest.ManyJobs(t, server.URL(), func(job int) string {
		return fmt.Sprintf(`{"statement": "INSERT INTO many SELECT ?, n FROM unnest(sequence(1, 10)) AS t(n)", "args": [%d]}`, job)
	})
	if got := server.Query(t, "SELECT count(*), count(DISTINCT job) FROM many")[0]; got != fmt.Sprintf("%d\t%d", 10*enginetest.Crowd, enginetest.Crowd) {
		t.Errorf("rows and jobs are %q", got)
	}
}
