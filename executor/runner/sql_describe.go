package runner

import (
	"context"
	"sync"

	"github.com/tagexec/tagexec/executor/runner/sql"
)

// SourceStatus is a source as it was found.
type SourceStatus struct {
	Name   string
	Traits sql.Traits
	Server sql.Server
	Err    error // why it cannot be used now; it names neither address nor login
}

// Describe connects to all sources at once and tells what answers, in the order of
// their names.
func (s *SQL) Describe(ctx context.Context) []SourceStatus {
	names := sortedKeys(s.sources)
	list := make([]SourceStatus, len(names))
	var asking sync.WaitGroup
	for i, name := range names {
		asking.Go(func() {
			engine := s.sources[name]
			server, err := engine.Check(ctx)
			if err != nil {
				err = connectFailure(ctx, name, err)
			}
			list[i] = SourceStatus{name, engine.Traits(), server, err}
		})
	}
	asking.Wait()
	return list
}

// Connections counts the connections of each source that jobs have.
func (s *SQL) Connections() map[string]sql.Connections {
	counts := make(map[string]sql.Connections, len(s.sources))
	for name, engine := range s.sources {
		counts[name] = engine.Connections()
	}
	return counts
}
