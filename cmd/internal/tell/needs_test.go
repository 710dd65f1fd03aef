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
	due := report.Job{Kind: "sql", Pool: "default", RunAt: past}
	for name, c := range map[string]struct {
		q    Queue
		want []string
	}{
		"nothing":               {Queue{}, nil},
		"all is served":         {Queue{Executors: []report.Executor{lives}, Next: []report.Job{due}}, nil},
		"a silent executor":     {Queue{Executors: []report.Executor{{Hostname: "etl-2", PID: 7, HeartbeatAt: past}}}, []string{"executor on etl-2 (process 7) has not been heard of for 1 m 00 s"}},
		"a paused pool":         {Queue{Executors: []report.Executor{lives}, Pools: []report.Pool{{Pool: "p", Paused: true, Due: 3}, {Pool: "q", Paused: true}}}, []string{"pool p is paused while 3 are due in it"}},
		"nobody lives":          {Queue{Pools: []report.Pool{{Pool: "p", Due: 3}}}, []string{"no executor lives, and jobs are due"}},
		"a late batch":          {Queue{Open: []report.Batch{{Batch: "b", DueAt: &past}, {Batch: "c"}}}, []string{"batch b is late by 1 m 00 s"}},
		"vacuum is held back":   {Queue{Blockers: []report.Blocker{{Kind: "session", Name: "4711", ApplicationName: &name, AgeSeconds: &age}}}, []string{"session 4711 (grafana) has held back vacuum for 41 m 00 s"}},
		"a kind nobody takes":   {Queue{Executors: []report.Executor{lives}, Next: []report.Job{due, {Kind: "spark", Pool: "default", RunAt: past}, {Kind: "spark", Pool: "default", RunAt: past}}}, []string{"no living executor takes kind spark of pool default, which 2 due jobs wait for"}},
		"one that is not due":   {Queue{Executors: []report.Executor{lives}, Next: []report.Job{{Kind: "spark", RunAt: now.Add(time.Hour)}}}, nil},
		"a pool nobody takes":   {Queue{Executors: []report.Executor{{Alive: true, Kinds: []string{"sql"}, Pools: []string{"other"}}}, Next: []report.Job{due}}, []string{"no living executor takes kind sql of pool default, which 1 due job wait for"}},
		"only of another batch": {Queue{Executors: []report.Executor{{Alive: true, Kinds: []string{"sql"}, Batch: &batch}}, Next: []report.Job{due}}, []string{"no living executor takes kind sql of pool default, which 1 due job wait for"}},
		"all drain":             {Queue{Executors: []report.Executor{{Alive: true, Kinds: []string{"sql"}, DrainRequestedAt: &past}}, Next: []report.Job{due}}, []string{"no living executor takes kind sql of pool default, which 1 due job wait for"}},
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
