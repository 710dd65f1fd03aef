package main

import (
	"strings"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/store/storetest"
)

// Who waits for a batch that is deleted meanwhile is told, and does not wait for ever.
func TestBatchWaitEndsWhenTheBatchIsGone(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_jobs (tag, batch) VALUES ('t', 'b')")
	p := clitest.Launch(t, "tagexec", []string{"batch", "wait", "b"}, "TAGEXEC_DATABASE_URL="+db.URL)
	clitest.Eventually(t, "it looks", func() bool {
		return storetest.One[bool](db, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'tagexec batch wait')")
	})
	clitest.Eventually(t, "it waits", func() bool { return strings.Contains(p.ErrOut.String(), "0 of 1 jobs done") })
	db.Exec("DELETE FROM tagexec.tag_jobs")
	db.Exec("DELETE FROM tagexec.tag_batches")
	if code := p.Exit(); code != 2 || !strings.Contains(p.ErrOut.String(), `there is no batch "b"`) {
		t.Errorf("exit code %d: %s", code, p.ErrOut.String())
	}
}
