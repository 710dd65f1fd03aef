package sql

import (
	"log/slog"
	"sync"
)

// Lacks tells a log what the server of a source does not have, each thing once.
type Lacks struct {
	log  *slog.Logger
	told sync.Map
}

// NewLacks returns one that has told nothing yet.
func NewLacks(log *slog.Logger) *Lacks { return &Lacks{log: log} }

// Tell says what is lacking, and what is lost by that.
func (l *Lacks) Tell(what, lost string) {
	if _, told := l.told.LoadOrStore(what, true); !told {
		l.log.Warn("a source does without what its server refuses", "refused", what, "lost", lost)
	}
}
