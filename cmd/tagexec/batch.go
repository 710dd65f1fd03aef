package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tagexec/tagexec/store"
)

// What watchBatch asks the database for is one query over an index: a short
// batch is noticed at once, a long one costs little.
const (
	firstLook = 50 * time.Millisecond
	longLook  = time.Second
)

// watchBatch calls show with the state of the batch until it is settled, and
// returns the last state. While the database is out of reach it goes on
// trying; only an unknown batch and the end of ctx are errors.
func watchBatch(ctx context.Context, st *store.Store, batch string, show func(store.Counts)) (store.Counts, error) {
	var counts store.Counts
	for wait := firstLook; ; wait = min(wait*3/2, longLook) {
		now, err := st.BatchCounts(ctx, batch)
		switch {
		case err == nil:
			counts = now
			show(counts)
			if counts.Settled() {
				return counts, nil
			}
		case ctx.Err() != nil:
			return counts, context.Cause(ctx)
		case errors.Is(err, store.ErrNoBatch), !store.Unreachable(err):
			return counts, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return counts, context.Cause(ctx)
		case <-timer.C:
		}
	}
}

// batch shows the state of a batch.
func (p *progress) batch(c store.Counts) {
	done := c.Succeeded + c.Failed + c.Cancelled
	p.show(done, c.Total, fmt.Sprintf("%d running, %d failed", c.Running, c.Failed+c.Cancelled))
}

// outcomeCode is the exit code of a settled batch.
func outcomeCode(c store.Counts) int {
	if c.Failed+c.Cancelled > 0 {
		return exitJobs
	}
	return exitOK
}

// printProblems names up to ten jobs that did not succeed.
func printProblems(ctx context.Context, w io.Writer, st *store.Store, batch string, c store.Counts) {
	const most = 10
	bad := c.Failed + c.Cancelled
	if bad == 0 {
		return
	}
	problems, err := st.BatchProblems(ctx, batch, most)
	if err != nil {
		fmt.Fprintf(w, "%d jobs did not succeed; their errors could not be read: %v\n", bad, err)
		return
	}
	for _, p := range problems {
		tag := p.Tag
		if p.BizDate != "" {
			tag += " " + p.BizDate
		}
		fmt.Fprintf(w, "%s %s [%s] %s\n", p.State, tag, p.ErrorCode, p.Error)
	}
	if bad > len(problems) {
		fmt.Fprintf(w, "… and %d more\n", bad-len(problems))
	}
}

// printJSON writes value as one line.
func printJSON(w io.Writer, value any) error {
	return json.NewEncoder(w).Encode(value)
}
