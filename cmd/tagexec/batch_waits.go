package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tagexec/tagexec/cmd/internal/config"
	"github.com/tagexec/tagexec/store"
)

// abilities are what the executor of `run` takes.
type abilities struct {
	kinds       []string
	pools       []string                   // none: all
	unavailable func() []store.Unavailable // what it cannot use now
}

// cause is why some jobs wait.
type cause struct {
	jobs int
	text string
}

func (c cause) sentence() string {
	if c.jobs == 1 {
		return "1 job waits: " + c.text
	}
	return fmt.Sprintf("%d jobs wait: %s", c.jobs, c.text)
}

// causes returns why jobs of the batch cannot run as things are.
func (w *batchWatch) causes(ctx context.Context) (list []cause, err error) {
	var runs abilities
	if w.runs != nil {
		runs = *w.runs
	}
	waits, err := w.store.BatchWaits(ctx, w.batch, runs.kinds, runs.pools)
	if err != nil {
		return nil, err
	}
	for _, wait := range waits {
		if text := w.cause(wait); text != "" {
			list = append(list, cause{wait.Jobs, text})
		}
	}
	if runs.unavailable == nil {
		return list, nil
	}
	unavailable := runs.unavailable()
	if len(unavailable) == 0 {
		return list, nil
	}
	lacks, err := w.store.BatchLacks(ctx, w.batch, unavailable)
	for _, u := range unavailable {
		if jobs := lacks[u.Name]; jobs > 0 {
			list = append(list, cause{jobs, fmt.Sprintf("this run cannot use %s: %s", u.Name, u.Error)})
		}
	}
	return list, err
}

// cause says why jobs wait, and what would help; "" if they only wait for other
// executors, as those of submit do.
func (w *batchWatch) cause(f store.Wait) string {
	elsewhere := "and no live executor takes such jobs"
	if f.Elsewhere {
		elsewhere = "another executor takes such jobs"
	}
	switch {
	case f.Paused:
		return fmt.Sprintf("pool %s is paused", f.Pool)
	case f.TooWide:
		return fmt.Sprintf("they ask for more slots than pool %s has now", f.Pool)
	case w.runs == nil && f.Elsewhere:
		return ""
	case w.runs == nil:
		return fmt.Sprintf("no live executor takes jobs of kind %s in pool %s", f.Kind, f.Pool)
	case !slices.Contains(w.runs.kinds, f.Kind):
		return fmt.Sprintf("this run is not configured for kind %s, only for %s (see %s_KINDS in `tagexec help config`), %s",
			f.Kind, strings.Join(w.runs.kinds, ", "), config.Prefix, elsewhere)
	}
	return fmt.Sprintf("%s_POOLS of this run is %s, without pool %s, %s", config.Prefix, strings.Join(w.runs.pools, ","), f.Pool, elsewhere)
}
