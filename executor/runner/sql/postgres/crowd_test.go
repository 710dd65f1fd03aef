package postgres_test

import (
	"fmt"
	"testing"

	"github.com/tagexec/tagexec/executor/runner/sql/enginetest"
)

func TestManyJobs(t *testing.T) {
	t.Parallel()
	url, admin := database(t)
	if _, err := admin.Exec(t.Context(), "CREATE TABLE many (job bigint PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	enginetest.ManyJobs(t, url, func(job int) string {
		return fmt.Sprintf(`{"statements": [{"statement": "DELETE FROM many WHERE job = $1", "args": [%[1]d]}, {"statement": "INSERT INTO many VALUES ($1)", "args": [%[1]d]}]}`, job)
	})
	if got := list(t, admin, "SELECT count(*)::text FROM many")[0]; got != fmt.Sprint(enginetest.Crowd) {
		t.Errorf("%d jobs left %s rows", enginetest.Crowd, got)
	}
}
