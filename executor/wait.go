package executor

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) { within(d, ctx.Done()) }

// within waits for done, at most d, and reports whether it came.
func within(d time.Duration, done <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		select {
		case <-done:
			return true
		default:
			return false
		}
	}
}

// ended returns a channel that is closed when all goroutines of the group have ended.
func ended(group *sync.WaitGroup) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	return done
}

// raise raises a flag, a channel of capacity 1. It does not wait if the flag is up already.
func raise(flag chan<- struct{}) {
	select {
	case flag <- struct{}{}:
	default:
	}
}

// drain takes a flag down, because what it asks for is done next anyway.
func drain(flag <-chan struct{}) {
	select {
	case <-flag:
	default:
	}
}

// jitter spreads d by ±10 %, so that executors do not poll in step.
func jitter(d time.Duration) time.Duration {
	return d - d/10 + rand.N(d/5+1)
}
