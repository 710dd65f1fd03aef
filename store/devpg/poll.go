package devpg

import (
	"context"
	"time"
)

// pollEvery is the time between two looks at a small file.
const pollEvery = 5 * time.Millisecond

// poll asks again and again until it is done or fails, or ctx ends.
func poll(ctx context.Context, ask func() (done bool, err error)) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if done, err := ask(); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}
