package enginetest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner"
)

// mortalJob is the variable of a process that runs a job until it is killed.
const mortalJob = "TAGEXEC_ENGINETEST_JOB"

type mortal struct {
	URL, Payload string
	Time         time.Duration
}

// Mortal runs a job if this process is the executor that a case kills, and reports
// whether it was. The TestMain of the package must call it first.
func Mortal() bool {
	text := os.Getenv(mortalJob)
	if text == "" {
		return false
	}
	var m mortal
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		panic(err)
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), m.Time, executor.ErrTimeout)
	defer cancel()
	r, err := runner.NewSQL(ctx, map[string]string{"tags": m.URL}, runner.SQLOptions{Queue: queue})
	if err != nil {
		panic(err)
	}
	defer r.Close()
	_, err = r.Run(ctx, job(m.Payload, 1))
	fmt.Fprintln(os.Stderr, "the executor that a test kills ends by itself:", err)
	return true
}

// startMortal starts an executor in a process of its own, and returns how to kill it.
func (s *suite) startMortal(payload string, limit time.Duration) (kill func()) {
	s.Helper()
	process := exec.Command(os.Args[0])
	process.Env = append(os.Environ(), mortalJob+"="+encode(mortal{s.URL, payload, limit}))
	process.Stderr = os.Stderr
	if err := process.Start(); err != nil {
		s.Fatal(err)
	}
	killed := false
	kill = func() {
		if killed {
			return
		}
		killed = true
		if err := process.Process.Kill(); err != nil {
			s.Error(err)
		}
		_ = process.Wait() // it was killed
	}
	s.Cleanup(kill)
	return kill
}
