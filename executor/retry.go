package executor

import (
	"math/rand/v2"
	"time"
)

const (
	firstRetry  = 5 * time.Second
	longestWait = time.Hour
)

// RetryDelay returns how long a job waits after so many failures (at least 1):
// jitter × min(1 h, 5 s · 2^(failures−1)), with a jitter from 0.5 to 1, so
// that jobs which failed together do not come back together. (Equal jitter, as
// in AWS Architecture Blog, "Exponential Backoff and Jitter", 2015.)
func RetryDelay(failures int) time.Duration {
	wait := longestWait
	if failures < 11 { // 5 s · 2^10 is more than an hour
		wait = min(longestWait, firstRetry<<max(failures-1, 0))
	}
	return wait/2 + rand.N(wait/2)
}
