package runner

import (
	"context"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

// resource is a source as what jobs need. The only one is what all need: those
// that leave it out, too.
func (s *SQL) resource(source string) store.Resource {
	r := store.Resource{Name: "source " + quote(source), Field: "source", Texts: []string{source}}
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
	for source, pool := range s.sources {
		if s.resource(source).Name != r.Name {
			continue
		}
		if stat := pool.Stat(); stat.AcquiredConns() == stat.MaxConns() {
			return nil // all that it may have are in use: it works
		}
		conn, err := pool.Acquire(ctx)
		if pool.crowded(err) {
			return nil // jobs wait for those that there are
		}
		if err != nil {
			return connectFailure(context.WithoutCancel(ctx), source, err)
		}
		defer conn.Release()
		if err := conn.Conn().PgConn().Exec(ctx, "-- tagexec: probe\nSELECT 1").Close(); err != nil {
			return connectFailure(context.WithoutCancel(ctx), source, err)
		}
		return nil
	}
	return executor.Failf("source_not_allowed", "%s is not allow-listed on this executor", r.Name)
}
