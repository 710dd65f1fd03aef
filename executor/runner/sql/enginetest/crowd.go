package enginetest

import (
	"encoding/json"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/store"
)

// ManyJobs runs Crowd jobs by more workers than there may be connections.
const (
	Crowd            = 200
	CrowdConnections = 3
	crowdWorkers     = 8
)

// ManyJobs checks that all jobs succeed, and that no more connections are in use than may
// be. payload makes that of each job, from 1 to Crowd; their results are returned by these
// numbers.
func ManyJobs(t *testing.T, url string, payload func(job int) string) map[int]json.RawMessage {
	t.Helper()
	r, err := runner.NewSQL(t.Context(), map[string]string{"tags": url}, runner.SQLOptions{PoolSize: CrowdConnections, Queue: queue})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var (
		next, most atomic.Int64
		workers    sync.WaitGroup
		mu         sync.Mutex
		results    = map[int]json.RawMessage{}
	)
	for range crowdWorkers {
		workers.Go(func() {
			for id := next.Add(1); id <= Crowd; id = next.Add(1) {
				report, err := r.Run(t.Context(), &store.Job{Claim: store.Claim{ID: id, Attempt: 1}, Tag: "many", Payload: json.RawMessage(payload(int(id)))})
				if err != nil {
					t.Errorf("job %d: %v", id, err)
				}
				mu.Lock()
				results[int(id)] = report.Value
				most.Store(max(most.Load(), int64(r.Connections()["tags"].InUse)))
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	if most := most.Load(); most < 2 || most > CrowdConnections {
		t.Errorf("%d connections were in use, want some, and %d at most", most, CrowdConnections)
	}
	Eventually(t, gone, "no connection is in use after all jobs", func() bool { return r.Connections()["tags"].InUse == 0 })
	return results
}
