package runner

import (
	"runtime"
	"sync"
)

// reserveThreads has the system give this program n threads now, which it keeps.
// Go ends a program that needs one more where a limit of processes is reached.
// It should then end here, before it has begun anything, and meet the limit
// later only where it is told: when it starts a process.
func reserveThreads(n int) {
	var locked, unlocked sync.WaitGroup
	locked.Add(n)
	release := make(chan struct{})
	for range n {
		unlocked.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			locked.Done()
			<-release
		})
	}
	locked.Wait()
	close(release)
	unlocked.Wait() // only then are the threads free for others
}
