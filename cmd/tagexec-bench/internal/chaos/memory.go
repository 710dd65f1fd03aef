package chaos

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/tagexec/tagexec/cmd/internal/wait"
)

// memoryLimit is the most memory that an executor may have, in bytes: its share of
// what 16 workers are promised.
const memoryLimit = 512 << 20 / 16 * workers

// hungry are statements whose rows no executor could hold, and nobody wants.
var hungry = []string{
	"SELECT repeat('x', 15000000) FROM generate_series(1, 3)",
	"SELECT array_fill('x'::text, ARRAY[3000000])",
	"DO $$ BEGIN FOR i IN 1..10 LOOP RAISE NOTICE '%', repeat('x', 1000000); END LOOP; END $$",
}

// watchMemory looks at what the executors have at most, until ctx ends.
func (b *testbed) watchMemory(ctx context.Context) {
	for ctx.Err() == nil {
		for _, e := range b.executors {
			peak := e.peakMemory()
			b.mostMemory.Store(max(peak, b.mostMemory.Load()))
			if peak > memoryLimit {
				b.findings.add("memory", "executor %d had more than %d MB", e.number, memoryLimit>>20)
			}
		}
		wait.For(ctx, tablesEvery)
	}
}

// peakMemory returns the most memory that the process has had, in bytes; 0 while
// there is none, and where the system does not tell.
func (e *executor) peakMemory() int64 {
	e.mu.Lock()
	process := e.process
	e.mu.Unlock()
	if process == nil {
		return 0
	}
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", process.Pid))
	_, after, _ := bytes.Cut(status, []byte("VmHWM:"))
	number, _, _ := bytes.Cut(after, []byte("kB"))
	kilobytes, _ := strconv.ParseInt(string(bytes.TrimSpace(number)), 10, 64)
	return kilobytes << 10
}
