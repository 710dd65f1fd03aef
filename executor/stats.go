package executor

import (
	"log/slog"
	"sync"

	"github.com/tagexec/tagexec/store"
)

// Stats are counts since the start of a Pool.
type Stats struct {
	Claimed  int64                   // jobs claimed
	Recorded map[store.Outcome]int64 // results stored, by outcome
	Refused  int64                   // late results refused: the claim was no longer ours
	Missing  int64                   // results whose job was deleted meanwhile
	Stuck    int64                   // workers whose Runner ignores its ended context, now
}

// LogValue shows the counts as one group.
func (s Stats) LogValue() slog.Value {
	attributes := []slog.Attr{slog.Int64("claimed", s.Claimed)}
	for _, outcome := range []store.Outcome{store.Succeeded, store.Failed, store.TimedOut, store.Cancelled, store.Interrupted} {
		attributes = append(attributes, slog.Int64(string(outcome), s.Recorded[outcome]))
	}
	return slog.GroupValue(append(attributes, slog.Int64("refused", s.Refused))...)
}

// stats are the counts behind Stats.
type stats struct {
	mu sync.Mutex
	s  Stats
}

// Stats returns the counts so far.
func (p *Pool) Stats() Stats {
	p.stats.mu.Lock()
	defer p.stats.mu.Unlock()
	s := p.stats.s
	s.Recorded = map[store.Outcome]int64{}
	for outcome, n := range p.stats.s.Recorded {
		s.Recorded[outcome] = n
	}
	s.Stuck = p.stuck.Load()
	return s
}

// claimed counts claimed jobs.
func (s *stats) claimed(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.s.Claimed += int64(n)
}

// settled counts attempts by the fates of their results.
func (s *stats) settled(attempts []Ended) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range attempts {
		switch attempts[i].Fate {
		case store.Applied, store.Already:
			if s.s.Recorded == nil {
				s.s.Recorded = map[store.Outcome]int64{}
			}
			s.s.Recorded[attempts[i].Outcome]++
		case store.Refused:
			s.s.Refused++
		case store.Missing:
			s.s.Missing++
		}
	}
}
