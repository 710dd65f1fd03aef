package enginetest

import (
	"runtime"
	"strings"
	"time"

	"go.uber.org/goleak"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/executor/runner/sql"
)

// maxGrowth is how much more memory is alive after a result of a million rows, and
// maxHeap how much more there may be while it comes, in bytes.
const (
	maxGrowth = 8 << 20
	maxHeap   = 64 << 20
)

func largeResult(s *suite) {
	before := goleak.IgnoreCurrent()
	url, connections := s.countedURL()
	there := goleak.IgnoreCurrent()
	r, err := runner.NewSQL(s.Context(), map[string]string{"tags": url}, runner.SQLOptions{PoolSize: 2, Queue: queue, Log: s.log.logger()})
	if err != nil {
		s.Fatal(err)
	}
	s.succeed(r, s.payload(s.SQL.Row))
	s.million(r)
	s.jobIsListed(r)
	r.Close()
	s.eventually(gone, "no connection is left", func() bool { return connections() == 0 })
	if err := goleak.Find(there, before); err != nil {
		s.Errorf("what the runner left: %v", err)
	}
}

// countedURL is that of the source, and how many connections there are by it.
func (s *suite) countedURL() (url string, connections func() int) {
	s.Helper()
	if s.InProcess {
		return s.URL, func() int { return 0 }
	}
	p := s.newProxy()
	return p.url, p.connections
}

func (s *suite) million(r *runner.SQL) {
	small := heap()
	run := s.start(r, s.payload(s.SQL.Million))
	large := small
	for ended := false; !ended; {
		select {
		case <-run.done:
			ended = true
		case <-time.After(20 * time.Millisecond):
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			large = max(large, m.HeapAlloc)
		}
	}
	if run.err != nil || run.report.Value == nil {
		s.Fatalf("a million rows: the result is %s, %v", run.report.Value, run.err)
	}
	s.Logf("a million rows: %d kB more while they came", int64(large-small)>>10)
	if large-small > maxHeap {
		s.Errorf("a million rows took %d MB of memory", (large-small)>>20)
	}
	if after := heap(); after > small+maxGrowth {
		s.Errorf("a million rows left %d MB in memory", (after-small)>>20)
	}
}

// heap is how much memory is alive, in bytes.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// jobIsListed checks that the server's list names the job.
func (s *suite) jobIsListed(r *runner.SQL) {
	run := s.start(r, s.payload(s.SQL.SlowSelect))
	entry := s.listed(s.SQL.SlowSelect)
	run.cancel(executor.ErrCancelled)
	s.endedBy(run.within(30*time.Second), executor.ErrCancelled)
	about := sql.Job{Queue: queue, ID: jobID}
	named := strings.Contains(entry, about.Mark()+" ") || strings.Contains(entry, about.Token())
	if id := run.report.QueryID; (id == "") != s.InProcess || !strings.Contains(entry, id) {
		s.Errorf("the report says query id %q, the server's list %s", id, entry)
	}
	if !named && !s.ByQueryID {
		s.Errorf("the server's list does not name the job: %s", entry)
	}
}
