package runner

import (
	"context"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/words"
	"github.com/tagexec/tagexec/store"
)

// resource is a source as what jobs need. The only one is what all need: those
// that leave it out, too.
func (s *SQL) resource(source string) store.Resource {
	r := store.Resource{Name: "source " + words.Quote(source), Field: "source", Texts: []string{source}}
	if _, ok := s.sources[source]; ok && len(s.sources) == 1 {
		r.Field, r.Texts = "", nil
	}
	return r
}

// Resources are the sources.
func (s *SQL) Resources() []store.Resource {
	var list []store.Resource
	for _, source := range sortedKeys(s.sources) {
		list = append(list, s.resource(source))
	}
	return list
}

// Probe connects to a source.
func (s *SQL) Probe(ctx context.Context, r store.Resource) error {
	for source, engine := range s.sources {
		if s.resource(source).Name != r.Name {
			continue
		}
		if _, err := engine.Check(ctx); err != nil {
			return connectFailure(context.WithoutCancel(ctx), source, err)
		}
		return nil
	}
	return executor.Failf("source_not_allowed", "%s is not allow-listed on this executor", r.Name)
}
