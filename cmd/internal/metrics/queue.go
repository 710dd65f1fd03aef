package metrics

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tagexec/tagexec/store"
)

const (
	queueCache   = 10 * time.Second // so long an answer of the database is told again
	queueTimeout = 2 * time.Second  // and so long a scrape waits for one
)

// Queue tells what waits and runs; *store.Store does. It returns soon after ctx ended.
type Queue interface {
	QueueNow(ctx context.Context) (store.QueueNow, error)
}

// queueCollector tells what the queue holds. While the database does not answer it
// tells that, and nothing else: old figures would look like new ones.
type queueCollector struct {
	metrics *Metrics
	queue   Queue

	pending, due, oldest, slots, used, paused *prometheus.Desc
	executors, overdue, snapshot, ok          *prometheus.Desc

	mu   sync.Mutex // guards what follows; who waits for it waits for the same answer
	asks time.Time  // when the database is asked again
	now  store.QueueNow
	err  error
}

func newQueueCollector(m *Metrics, q Queue) *queueCollector {
	const capped = "counted to 100000; 100001 means more"
	return &queueCollector{
		metrics: m, queue: q,
		pending:   desc("queue_pending", "Jobs that wait, also for their time, "+capped+".", "pool"),
		due:       desc("queue_due", "Jobs that could start now, "+capped+".", "pool"),
		oldest:    desc("queue_oldest_due_seconds", "How long the first of the due jobs has been due; 0 if none is.", "pool"),
		slots:     desc("pool_slots", "Slots of a pool; none is told for a pool without a limit.", "pool"),
		used:      desc("pool_slots_used", "Slots that running jobs hold.", "pool"),
		paused:    desc("pool_paused", "1 while nothing is started from a pool.", "pool"),
		executors: desc("executors", "Executors that have not ended: alive, draining because they were asked to end, or silent for longer than their lease.", "state"),
		overdue:   desc("batches_overdue", "Batches of the last seven days with unfinished jobs whose due_at has passed."),
		snapshot:  desc("snapshot_age_seconds", "Age of the oldest snapshot that holds back vacuum, which slows down every claim."),
		ok:        desc("queue_scrape_ok", "1 if the figures of the queue could be read; else they are left out."),
	}
}

// Describe implements prometheus.Collector.
func (c *queueCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.pending, c.due, c.oldest, c.slots, c.used, c.paused, c.executors, c.overdue, c.snapshot, c.ok} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *queueCollector) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	now, err := c.read()
	if err != nil {
		gauge(c.ok, 0)
		return
	}
	gauge(c.ok, 1)
	for _, p := range now.Pools {
		gauge(c.pending, float64(p.Pending), p.Pool)
		gauge(c.due, float64(p.Due), p.Pool)
		gauge(c.oldest, value(p.OldestDue), p.Pool)
		gauge(c.used, float64(p.Used), p.Pool)
		gauge(c.paused, map[bool]float64{true: 1}[p.Paused], p.Pool)
		if p.Slots != nil {
			gauge(c.slots, float64(*p.Slots), p.Pool)
		}
	}
	gauge(c.executors, float64(now.Alive), "alive")
	gauge(c.executors, float64(now.Draining), "draining")
	gauge(c.executors, float64(now.Silent), "silent")
	gauge(c.overdue, float64(now.OverdueBatches))
	gauge(c.snapshot, now.SnapshotAge)
}

func value(v *float64) float64 {
	if v == nil {
		return 0
	}
	return *v
}

// read asks the database, unless its last answer is young; a failure counts as one.
func (c *queueCollector) read() (store.QueueNow, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Now().Before(c.asks) {
		return c.now, c.err
	}
	ctx, cancel := context.WithTimeout(context.Background(), queueTimeout)
	defer cancel()
	c.now, c.err = c.queue.QueueNow(ctx)
	c.asks = time.Now().Add(queueCache)
	if c.err != nil {
		c.metrics.Failed("scrape", c.err)
	}
	for _, p := range c.now.Pools {
		c.metrics.begin(p.Pool)
	}
	return c.now, c.err
}
