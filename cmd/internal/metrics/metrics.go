package metrics

import (
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

// Config is what Metrics are about.
type Config struct {
	Version string   // of the program
	Kinds   []string // that the executor runs
	Pools   []string // that it takes jobs from; none for all
	Queue   Queue
	Log     *slog.Logger
}

// Metrics are the numbers of one executor. It is an executor.Observer; all methods
// may be called concurrently.
type Metrics struct {
	config   Config
	registry *prometheus.Registry
	queue    *queueCollector

	claims       *prometheus.CounterVec
	claimSeconds prometheus.Histogram
	claimsLost   prometheus.Counter

	attempts    *prometheus.CounterVec
	runSeconds  *prometheus.HistogramVec
	waitSeconds *prometheus.HistogramVec

	recordSeconds  prometheus.Histogram
	resultsRefused prometheus.Counter

	reapedExecutors prometheus.Counter
	reapedJobs      prometheus.Counter
	databaseErrors  *prometheus.CounterVec

	mu     sync.Mutex      // guards what follows
	pools  map[string]bool // that are labels
	series map[ending]series
}

// Buckets for those who do not scrape native histograms: of a statement, of a job, and
// of a wait, up to hours.
var (
	statementBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	runBuckets       = []float64{.01, .05, .1, .5, 1, 5, 10, 30, 60, 300, 900, 1800, 3600, 4 * 3600}
	waitBuckets      = []float64{.01, .1, .5, 1, 5, 10, 30, 60, 300, 900, 3600, 4 * 3600, 24 * 3600}
)

// New returns Metrics in a registry of their own.
func New(c Config) *Metrics {
	m := &Metrics{
		config:   c,
		registry: prometheus.NewRegistry(),

		claims:       counterVec("claims_total", "Claims sent to the database, by what came of them: jobs, empty or error.", "result"),
		claimSeconds: prometheus.NewHistogram(histogram("claim_seconds", "Time of a claim, of as many jobs as it may bring.", statementBuckets)),
		claimsLost:   counter("claims_lost_total", "Claims that were found to be no longer this executor's while it held the job."),

		attempts:    counterVec("attempts_total", "Attempts whose result is stored, by how they ended; what was handed back without a run is interrupted.", "kind", "pool", "outcome"),
		runSeconds:  prometheus.NewHistogramVec(histogram("attempt_run_seconds", "Time that the runner of an attempt ran.", runBuckets), []string{"kind", "pool"}),
		waitSeconds: prometheus.NewHistogramVec(histogram("attempt_wait_seconds", "Time from when a job was due, by the database's clock, until its claim, by this host's.", waitBuckets), []string{"pool"}),

		recordSeconds:  prometheus.NewHistogram(histogram("record_seconds", "Time to store a group of results.", statementBuckets)),
		resultsRefused: counter("results_refused_total", "Late results that the database refused: the claim was no longer this executor's."),

		reapedExecutors: counter("reaped_executors_total", "Dead executors that this one reaped."),
		reapedJobs:      counter("reaped_jobs_total", "Jobs of dead executors that this one offered again: each is a lost attempt."),
		databaseErrors:  counterVec("database_errors_total", "Failures of the database, by what was asked and why it failed.", "operation", "class"),

		pools:  map[string]bool{},
		series: map[ending]series{},
	}
	m.queue = newQueueCollector(m, c.Queue)
	buildInfo := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name("build_info"), Help: "1; the version of tagexec and the newest schema that it knows."}, []string{"version", "schema"})
	buildInfo.WithLabelValues(c.Version, strconv.Itoa(store.SchemaVersion)).Set(1)
	m.registry.MustRegister(buildInfo, m.claims, m.claimSeconds, m.claimsLost, m.attempts, m.runSeconds, m.waitSeconds,
		m.recordSeconds, m.resultsRefused, m.reapedExecutors, m.reapedJobs, m.databaseErrors, m.queue,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, result := range []string{"jobs", "empty", "error"} {
		m.claims.WithLabelValues(result) // a counter that begins with its first event misses that
	}
	return m
}

// Follow adds what an executor is busy with at the moment of a scrape.
func (m *Metrics) Follow(load func() executor.Load) { m.registry.MustRegister(newLoadCollector(load)) }

// Handler answers a scrape.
func (m *Metrics) Handler() http.Handler {
	answer := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(m.config.Log.Handler(), slog.LevelWarn), ErrorHandling: promhttp.ContinueOnError,
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = m.queue.read() // before all else: the counters of a new pool begin with it
		answer.ServeHTTP(w, r)
	})
}

// name is the name of a metric.
func name(rest string) string { return "tagexec_" + rest }

func counter(of, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: name(of), Help: help})
}

func counterVec(of, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name(of), Help: help}, labels)
}

// histogram is one with classic buckets, and with native ones for those who ask.
func histogram(of, help string, buckets []float64) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{
		Name: name(of), Help: help, Buckets: buckets,
		NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
	}
}
