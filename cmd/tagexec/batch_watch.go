package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/wait"
	"github.com/tagexec/tagexec/store"
)

// What a watch asks the database for is one query over an index: a short batch is
// noticed at once, a long one costs little.
const (
	firstLook = 50 * time.Millisecond
	longLook  = time.Second
)

// batchWatch waits for the end of a batch, and shows how far it is and what its
// jobs wait for.
type batchWatch struct {
	store *store.Store
	batch string
	runs  *abilities // of the executor in this process; nil: there is none
	every time.Duration
	bar   *cli.Progress

	said  map[string]bool // causes that have had their line
	waits []string        // what was found last, in sentences
}

// newBatchWatch returns a watch that shows progress on stderr, and looks why jobs
// wait once per every.
func newBatchWatch(std cli.Streams, st *store.Store, batch string, every time.Duration) *batchWatch {
	return &batchWatch{store: st, batch: batch, every: every, bar: cli.NewProgress(std.Err, every, "jobs done"), said: map[string]bool{}}
}

// untilSettled returns the state of the batch when it is settled, and otherwise
// the last one seen. While the database is out of reach it goes on trying; only
// an unknown batch and the end of ctx are errors.
func (w *batchWatch) untilSettled(ctx context.Context) (store.Counts, error) {
	defer w.bar.End()
	var (
		counts store.Counts
		looked time.Time
	)
	for pause := firstLook; ; pause = min(pause*3/2, longLook) {
		now, err := w.store.BatchCounts(ctx, w.batch)
		switch {
		case err == nil:
			counts = now
			if counts.Pending > 0 && time.Since(looked) >= w.every {
				looked = time.Now()
				w.lookForWaits(ctx)
			}
			w.bar.Show(counts.Succeeded+counts.Failed+counts.Cancelled, counts.Total,
				fmt.Sprintf("%d running, %d failed", counts.Running, counts.Failed+counts.Cancelled))
			if counts.Settled() {
				return counts, nil
			}
		case ctx.Err() != nil:
			return counts, context.Cause(ctx)
		case errors.Is(err, store.ErrNoBatch), !store.Unreachable(err):
			return counts, err
		}
		if err := wait.For(ctx, pause); err != nil {
			return counts, err
		}
	}
}

// lookForWaits finds out which jobs of the batch cannot run as things are. Each
// cause is said once, and with every line of progress while it lasts.
func (w *batchWatch) lookForWaits(ctx context.Context) {
	found, err := w.causes(ctx)
	if err != nil {
		return // only a help, and asked again
	}
	w.waits = nil
	for _, f := range found {
		w.waits = append(w.waits, f.sentence())
		if !w.said[f.text] {
			w.said[f.text] = true
			w.bar.Say(f.sentence())
		}
	}
	w.bar.Note(strings.Join(w.waits, "; "))
}
