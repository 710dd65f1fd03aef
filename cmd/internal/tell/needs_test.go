package tell

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/store/report"
)

func TestNeeds(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	past, batch, name, age := now.Add(-time.Minute), "b", "grafana", 2460.0
	lives := report.Executor{Hostname: "etl-1", Alive: true, Kinds: []string{"sql"}, HeartbeatAt: past}
	failed := func(batch *string, ago time.Duration) report.Job {
		at := now.Add(-ago)
		return report.Job{Tag: "churn_risk", Batch: batch, FinishedAt: &at}
	}
	due := report.Job{Kind: "sql", Pool: "default", RunAt: past}
	for name, c := range map[string]struct {
		q    Queue
		want []string
	}{
		"nothing":               {Queue{}, nil},
		"all is served":         {Queue{Executors: []report.Executor{lives}, Next: []report.Job{due}}, nil},
		"a silent executor":     {Queue{Executors: []report.Executor{{Hostname: "etl-2", PID: 7, HeartbeatAt: past}}}, []string{"executor on etl-2 (process 7) has not been heard of for 1 m 00 s"}},
		"one in a paused pool":  {Queue{Executors: []report.Executor{lives}, Pools: []report.Pool{{Pool: "p", Paused: true, Due: 1}}}, []string{"pool p is paused while 1 is due in it"}},
		"a paused pool":         {Queue{Executors: []report.Executor{lives}, Pools: []report.Pool{{Pool: "p", Paused: true, Due: 3}, {Pool: "q", Paused: true}}}, []string{"pool p is paused while 3 are due in it"}},
		"nobody lives":          {Queue{Pools: []report.Pool{{Pool: "p", Due: 3}}}, []string{"no executor lives, and jobs are due"}},
		"a late batch":          {Queue{Open: []report.Batch{{Batch: "b", DueAt: &past}, {Batch: "c"}}}, []string{"batch b is late by 1 m 00 s"}},
		"jobs failed":           {Queue{Failed: []report.Job{failed(&batch, time.Minute), failed(nil, time.Hour), failed(&batch, 2*time.Hour), failed(&batch, 25*time.Hour)}}, []string{"2 jobs of batch b failed for good, the last (churn_risk) 1 m 00 s ago", "1 job of no batch failed for good, the last (churn_risk) 1 h 00 m ago"}},
		"vacuum is held back":   {Queue{Blockers: []report.Blocker{{Kind: "session", Name: "4711", ApplicationName: &name, AgeSeconds: &age}}}, []string{"session 4711 (grafana) has held back vacuum for 41 m 00 s"}},
		"a kind nobody takes":   {Queue{Executors: []report.Executor{lives}, Next: []report.Job{due, {Kind: "spark", Pool: "default", RunAt: past}, {Kind: "spark", Pool: "default", RunAt: past}}}, []string{"no living executor takes kind spark of pool default, which 2 due jobs wait for"}},
		"one that is not due":   {Queue{Executors: []report.Executor{lives}, Next: []report.Job{{Kind: "spark", RunAt: now.Add(time.Hour)}}}, nil},
		"a pool nobody takes":   {Queue{Executors: []report.Executor{{Alive: true, Kinds: []string{"sql"}, Pools: []string{"other"}}}, Next: []report.Job{due}}, []string{"no living executor takes kind sql of pool default, which 1 due job waits for"}},
		"only of another batch": {Queue{Executors: []report.Executor{{Alive: true, Kinds: []string{"sql"}, Batch: &batch}}, Next: []report.Job{due}}, []string{"no living executor takes kind sql of pool default, which 1 due job waits for"}},
		"all drain":             {Queue{Executors: []report.Executor{{Alive: true, Kinds: []string{"sql"}, DrainRequestedAt: &past}}, Next: []report.Job{due}}, []string{"no living executor takes kind sql of pool default, which 1 due job waits for"}},
	} {
		c.q.At = now
		var got []string
		for _, need := range c.q.Needs() {
			got = append(got, need.Text)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %s, want %s", name, strings.Join(got, "; "), strings.Join(c.want, "; "))
		}
	}
}
