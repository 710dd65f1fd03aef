package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tagexec/tagexec/executor/runner/sql"
)

// sourceCollector counts the connections of SQL jobs. There are as many series as the
// configuration names sources.
type sourceCollector struct {
	count func() map[string]sql.Connections

	connections, limit *prometheus.Desc
}

// FollowSources adds the connections that SQL jobs have at the moment of a scrape.
func (m *Metrics) FollowSources(count func() map[string]sql.Connections) {
	m.registry.MustRegister(&sourceCollector{
		count:       count,
		connections: desc("source_connections", "Connections to a source of SQL jobs, by whether a job has them: in_use or idle.", "source", "state"),
		limit:       desc("source_connections_max", "Connections that a source may have; further jobs wait, and their time runs.", "source"),
	})
}

// Describe implements prometheus.Collector.
func (c *sourceCollector) Describe(to chan<- *prometheus.Desc) { to <- c.connections; to <- c.limit }

// Collect implements prometheus.Collector.
func (c *sourceCollector) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value int, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(value), labels...)
	}
	for source, n := range c.count() {
		gauge(c.connections, n.InUse, source, "in_use")
		gauge(c.connections, n.Idle, source, "idle")
		gauge(c.limit, n.Max, source)
	}
}
