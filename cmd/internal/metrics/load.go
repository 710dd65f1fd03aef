package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tagexec/tagexec/executor"
)

// loadCollector tells what an executor is busy with.
type loadCollector struct {
	load func() executor.Load

	workers, busy, stuck, waiting, waitingBytes, lease *prometheus.Desc
}

func newLoadCollector(load func() executor.Load) *loadCollector {
	return &loadCollector{
		load:         load,
		workers:      desc("workers", "Jobs that the executor can run at the same time."),
		busy:         desc("workers_busy", "Workers that run a job."),
		stuck:        desc("workers_stuck", "Workers whose runner ignores that its time is over."),
		waiting:      desc("results_waiting", "Results that await their record."),
		waitingBytes: desc("results_waiting_bytes", "About the memory of the results that await their record; claims stop at 33554432."),
		lease:        desc("lease_seconds_left", "For how long the lease can still be relied on; at 0 nothing is claimed."),
	}
}

func desc(of, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name(of), help, labels, nil)
}

// Describe implements prometheus.Collector.
func (c *loadCollector) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, to) }

// Collect implements prometheus.Collector.
func (c *loadCollector) Collect(to chan<- prometheus.Metric) {
	l := c.load()
	gauge := func(d *prometheus.Desc, value float64) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value)
	}
	gauge(c.workers, float64(l.Workers))
	gauge(c.busy, float64(l.Busy))
	gauge(c.stuck, float64(l.Stuck))
	gauge(c.waiting, float64(l.Waiting))
	gauge(c.waitingBytes, float64(l.WaitingBytes))
	gauge(c.lease, l.Lease.Seconds())
}
