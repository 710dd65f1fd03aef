package executor_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tagexec/tagexec/executor"
)

// bounds are the least and the most that a job waits, as CONTRACT has it.
func bounds(failures int) (least, most time.Duration) {
	most = 5 * time.Second
	for range failures - 1 {
		if most *= 2; most > time.Hour {
			most = time.Hour
			break
		}
	}
	return most / 2, most
}

// After Oban's "exponential backoff is clamped".
func TestRetryDelayLiesInItsInterval(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		failures := rapid.OneOf(rapid.IntRange(1, 15), rapid.IntRange(1, 1<<62)).Draw(t, "failures")
		least, most := bounds(failures)
		if d := executor.RetryDelay(failures); d < least || d > most {
			t.Fatalf("after %d failures it is %s, want from %s to %s", failures, d, least, most)
		}
	})
}

// After Oban's "the backoff increases with subsequent attempts".
func TestRetryDelayGrowsAndIsSpread(t *testing.T) {
	mean := func(failures int) time.Duration {
		var sum time.Duration
		for range 2000 {
			sum += executor.RetryDelay(failures)
		}
		return sum / 2000
	}
	last := time.Duration(0)
	for failures := 1; failures <= 10; failures++ {
		m := mean(failures)
		least, most := bounds(failures)
		if middle := (least + most) / 2; m <= last || m < middle*95/100 || m > middle*105/100 {
			t.Errorf("after %d failures the mean is %s, want about %s and more than %s", failures, m, middle, last)
		}
		last = m
	}
	for _, none := range []int{0, -1} {
		if d := executor.RetryDelay(none); d < 2500*time.Millisecond || d > 5*time.Second {
			t.Errorf("after %d failures it is %s", none, d)
		}
	}
}
