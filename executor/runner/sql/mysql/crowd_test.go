//go:build engines

package mysql_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tagexec/tagexec/executor/runner"
)

func TestManyJobsShareTheConnectionsThatTheServerAllows(t *testing.T) {
	t.Parallel()
	url, admin := database(t)
	const allowed = 5 // fewer than the engine may have
	must(t, admin, fmt.Sprintf("GRANT USAGE ON *.* TO %s_job WITH MAX_USER_CONNECTIONS %d", name(url), allowed))
	s := newSQL(t, url)
	var next, most atomic.Int64
	var workers sync.WaitGroup
	for range 12 {
		workers.Go(func() {
			for n := next.Add(1); n <= 200; n = next.Add(1) {
				payload := statements(true, fmt.Sprintf("DELETE FROM t WHERE id = %d", n), fmt.Sprintf("INSERT INTO t VALUES (%d, '')", n))
				if _, err := s.Run(t.Context(), job(payload)); err != nil {
					t.Errorf("job %d: %v", n, err)
				}
				for _, c := range s.Connections() {
					most.Store(max(most.Load(), int64(c.InUse)))
				}
			}
		})
	}
	workers.Wait()
	if n := value(t, admin, "SELECT count(*) FROM t"); n != "200" {
		t.Errorf("200 jobs left %s rows", n)
	}
	if most := most.Load(); most > 8 {
		t.Errorf("%d connections were in use", most)
	}
	for _, c := range s.Connections() {
		if c.InUse != 0 || c.Max != 8 {
			t.Errorf("after all jobs: %+v", c)
		}
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
	mine := "SELECT count(*) FROM information_schema.processlist WHERE user = '" + name(url) + "_job'"
	for value(t, admin, mine+" AND info LIKE '%sleep(60)%'") == "0" {
	}
	s.Close()
	wantFailure(t, <-ended, "connection_lost", false)
	if _, err := s.Run(t.Context(), job(statement("SELECT 1"))); err == nil || !strings.Contains(err.Error(), "no connection") {
		t.Errorf("got %v", err)
	}
}
