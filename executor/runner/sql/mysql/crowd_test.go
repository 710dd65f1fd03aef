//go:build engines

package mysql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/executor/runner/sql/enginetest"
)

func TestManyJobsShareTheConnectionsThatTheServerAllows(t *testing.T) {
	t.Parallel()
	url, admin := database(t)
	const allowed = enginetest.CrowdConnections - 1
	must(t, admin, fmt.Sprintf("GRANT USAGE ON *.* TO %s_job WITH MAX_USER_CONNECTIONS %d", name(url), allowed))
	enginetest.ManyJobs(t, url, func(job int) string {
		return statements(true, fmt.Sprintf("DELETE FROM t WHERE id = %d", job), fmt.Sprintf("INSERT INTO t VALUES (%d, '')", job))
	})
	if n := value(t, admin, "SELECT count(*) FROM t"); n != fmt.Sprint(enginetest.Crowd) {
		t.Errorf("%d jobs left %s rows", enginetest.Crowd, n)
	}
}

func TestAClosedSourceEndsItsJobsAndTakesNoMore(t *testing.T) {
	t.Parallel()
	url, admin := database(t)
	s, err := runner.NewSQL(t.Context(), map[string]string{"tags": url}, runner.SQLOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		_, err := s.Run(t.Context(), job(statement("SELECT sleep(60)")))
		ended <- err
	}()
	runs(t, admin, url, "sleep(60)")
	s.Close()
	wantFailure(t, <-ended, "connection_lost", false)
	if _, err := s.Run(t.Context(), job(statement("SELECT 1"))); err == nil || !strings.Contains(err.Error(), "no connection") {
		t.Errorf("got %v", err)
	}
}
