// Package wait is the wait that a context may end.
package wait

import (
	"context"
	"time"
)

// For waits for d. If ctx ends first, it returns the cause at once; a loop that
// looks at ctx itself may ignore it.
func For(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
