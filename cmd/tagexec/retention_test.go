package main

import (
	"syscall"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/store/storetest"
)

// An executor, which may do no more than its role, deletes what is older than the
// retention.
func TestServeDeletesWhatIsOlderThanTheRetention(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	ids := db.Insert(storetest.Row{"batch": "old"}, storetest.Row{"batch": "young"}, storetest.Row{"batch": "waits"})
	db.Exec("SELECT tagexec.cancel_job(id) FROM unnest($1::bigint[]) id", ids[:2])
	db.Exec("UPDATE tagexec.tag_jobs SET created_at = now() - interval '2 days', run_at = now() + interval '1 day' WHERE batch <> 'young'")
	db.Exec("UPDATE tagexec.tag_jobs SET finished_at = now() - interval '2 days' WHERE batch = 'old'")
	db.Exec("UPDATE tagexec.tag_batches SET created_at = now() - interval '2 days' WHERE batch = 'old'")
	p := start(t, db, []string{"serve"}, "TAGEXEC_RETENTION=1d")
	clitest.Eventually(t, "the batch to be deleted", func() bool {
		return storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_batches") == 2
	})
	storetest.Check(t, "jobs", storetest.All[string](db, "SELECT batch FROM tagexec.tag_jobs ORDER BY batch"), "[waits young]")
	p.Signal(syscall.SIGTERM)
	p.Exit()
}
