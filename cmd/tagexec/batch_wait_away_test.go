package main

import (
	"syscall"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store/storetest"
)

// A server that goes away while somebody waits for a batch is asked again when it is back.
// With --timeout the wait ends while it is away, and says that.
func TestBatchWaitOutlivesTheServer(t *testing.T) {
	t.Parallel()
	pg := storetest.OwnServer(t, nil)
	url := pg.URL("postgres")
	if _, err := migrations.Up(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	if _, err := storetest.Dial(t, url).Exec(t.Context(), "INSERT INTO tagexec.tag_jobs (tag, batch) VALUES ('a', 'b')"); err != nil {
		t.Fatal(err)
	}
	waiting := func(more ...string) *clitest.Process {
		p := clitest.Launch(t, "tagexec", append([]string{"batch", "wait", "b"}, more...), "TAGEXEC_DATABASE_URL="+url)
		clitest.Eventually(t, "progress", func() bool { return p.ErrOut.String() != "" })
		return p
	}
	patient, hasty, stopped := waiting(), waiting("--timeout", "8s"), waiting()
	if err := pg.StopImmediate(); err != nil {
		t.Fatal(err)
	}
	if code := hasty.Exit(); code != 3 {
		t.Errorf("with --timeout: exit code %d, %s", code, hasty.ErrOut.String())
	}
	stopped.Signal(syscall.SIGTERM)
	if code := stopped.Exit(); code != 143 {
		t.Errorf("SIGTERM: exit code %d, %s", code, stopped.ErrOut.String())
	}
	if err := pg.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := storetest.Dial(t, url).Exec(t.Context(), "SELECT tagexec.cancel_batch('b')"); err != nil {
		t.Fatal(err)
	}
	if code := patient.Exit(); code != 1 {
		t.Errorf("exit code %d, %s", code, patient.ErrOut.String())
	}
}
