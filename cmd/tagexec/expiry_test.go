package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/tagexec/tagexec/store/storetest"
)

// A scheduler that vanished leaves nothing running: an executor, which may do no
// more than its role, ends what is left of its batch.
func TestServeEndsABatchThatIsOver(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	name, login := db.Login("tagexec_executor")
	db.Exec(`SELECT tagexec.submit_jobs('b', '[{"tag": "runs", "payload": {"statement": "SELECT pg_sleep(600)"}}, {"tag": "waits", "run_at": "2200-01-01T00:00:00Z"}]',
		'{"expires_at": "2100-01-01T00:00:00Z"}')`)
	p := start(t, db, []string{"serve"}, "TAGEXEC_DATABASE_URL="+login)
	waitState(t, db, "running", 1)
	db.Exec("UPDATE tagexec.tag_batches SET expires_at = now()")
	waitState(t, db, "cancelled", 2)
	storetest.Check(t, "on record", storetest.One[string](db, "SELECT concat_ws(' ', by, action, batch, after) FROM tagreport.operator_actions"),
		name+` expire_batch b {"cancelled": 1, "asked_to_stop": 1}`)
	p.Signal(syscall.SIGTERM)
	p.Exit()
}

func TestRunOfABatchThatIsOver(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	jobs := filepath.Join(t.TempDir(), "jobs.jsonl")
	if err := os.WriteFile(jobs, []byte(`{"tag": "a", "payload": {"statement": "SELECT pg_sleep(600)"}}`+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	p := start(t, db, []string{"run", "--batch", "b", "--jobs", jobs, "--context", `{"expires_at": "2026-01-01T00:00:00Z"}`})
	if code := p.Exit(); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	storetest.Check(t, "the batch", storetest.One[string](db, "SELECT concat_ws(' ', cancelled, cancel_reason) FROM tagreport.batches"), "1 expired at 2026-01-01 00:00:00+00")
}
