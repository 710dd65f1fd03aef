package estimate

import (
	"fmt"
	"syscall"
	"testing"
)

func BenchmarkOf(b *testing.B) {
	for _, jobs := range []int{100, 1_000, 10_000, 50_000} {
		for _, keys := range []int{0, 50} {
			b.Run(fmt.Sprintf("jobs=%d/keys=%d", jobs, keys), func(b *testing.B) {
				n := newNight(64)
				for i := range jobs {
					n.add(float64(1+i%500), func(j *Job) {
						if keys > 0 && i%4 == 0 {
							j.MutexKey = fmt.Sprint("key ", i%keys)
						}
						if i%4 == 1 {
							j.Pool = "warehouse"
						}
					})
				}
				var before, after syscall.Rusage
				_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
				for b.Loop() {
					Of(&n.Queue)
				}
				_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
				b.ReportMetric(float64(after.Utime.Nano()-before.Utime.Nano())/1e6/float64(b.N), "cpu-ms/op")
			})
		}
	}
}
