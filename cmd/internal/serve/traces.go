package serve

import (
	"context"
	"log/slog"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/config"
	"github.com/tagexec/tagexec/cmd/internal/trace"
	"github.com/tagexec/tagexec/cmd/internal/version"
	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

// newTracer returns what follows attempts, nil where the environment asks for no
// traces, and what ends it.
func newTracer(ctx context.Context, st *store.Store, log *slog.Logger) (executor.Tracer, func(), error) {
	to, problems := config.LoadTraces()
	if len(problems) > 0 {
		return nil, nil, cli.WrongConfiguration(problems)
	}
	if to == nil {
		return nil, func() {}, nil
	}
	t, err := trace.New(ctx, *to, version.String(), st, log)
	if err != nil {
		return nil, nil, err
	}
	return t, t.Close, nil
}
