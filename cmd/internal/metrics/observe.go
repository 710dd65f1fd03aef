package metrics

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

// outcomes are those with which an executor records an attempt. It records none as
// lost: who reaps it does, see reaped_jobs_total.
var outcomes = []store.Outcome{store.Succeeded, store.Failed, store.TimedOut, store.Cancelled, store.Interrupted}

// ending is what attempts are counted by.
type ending struct {
	kind, pool string
	outcome    store.Outcome
}

// series are the metrics of an ending.
type series struct {
	attempts prometheus.Counter
	run      prometheus.Observer
	wait     prometheus.Observer
}

// Claimed implements executor.Observer.
func (m *Metrics) Claimed(jobs int, took time.Duration, err error) {
	result := "empty"
	switch {
	case err != nil:
		result = "error"
	case jobs > 0:
		result = "jobs"
	}
	m.claims.WithLabelValues(result).Inc()
	m.claimSeconds.Observe(took.Seconds())
}

// Ended implements executor.Observer.
func (m *Metrics) Ended(attempts []executor.Ended) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range attempts {
		e := &attempts[i]
		if e.Lost {
			m.claimsLost.Inc()
		}
		switch e.Fate {
		case store.Refused:
			m.resultsRefused.Inc()
		case store.Applied, store.Already:
			m.count(e)
		}
	}
}

// count counts an attempt whose result is stored. m.mu is held.
func (m *Metrics) count(e *executor.Ended) {
	s := m.of(ending{e.Job.Kind, e.Job.Pool, e.Outcome})
	s.attempts.Inc()
	if e.Job.Pool != "" { // else the answer to the claim was lost
		s.wait.Observe(e.Waited.Seconds())
	}
	if e.Ran > 0 {
		s.run.Observe(e.Ran.Seconds())
	}
}

// of returns the series of an ending. m.mu is held.
func (m *Metrics) of(e ending) series {
	s, known := m.series[e]
	if !known {
		kind, pool := "unknown", m.pool(e.pool)
		if slices.Contains(m.config.Kinds, e.kind) {
			kind = e.kind
		}
		s = series{m.attempts.WithLabelValues(kind, pool, string(e.outcome)), m.runSeconds.WithLabelValues(kind, pool), m.waitSeconds.WithLabelValues(pool)}
		if pool != otherPools { // else the map would have no bound
			m.series[e] = s
		}
	}
	return s
}

// otherPools stands for the pools beyond the bound.
const otherPools = "other"

// pool returns the label of a pool. m.mu is held.
func (m *Metrics) pool(name string) string {
	switch {
	case name == "":
		return "unknown"
	case m.pools[name]:
		return name
	case len(m.pools) < store.MaxPoolsNow:
		m.pools[name] = true
		return name
	}
	return otherPools
}

// begin makes the counters of a pool begin at 0, before its first attempt ends: a
// counter that begins with an event misses that. It leaves out pools that the executor
// takes no jobs from.
func (m *Metrics) begin(pool string) {
	if len(m.config.Pools) > 0 && !slices.Contains(m.config.Pools, pool) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, kind := range m.config.Kinds {
		for _, outcome := range outcomes {
			m.of(ending{kind, pool, outcome})
		}
	}
}

// Recorded implements executor.Observer.
func (m *Metrics) Recorded(_ int, took time.Duration, _ error) {
	m.recordSeconds.Observe(took.Seconds())
}

// Reaped implements executor.Observer.
func (m *Metrics) Reaped(executors, jobs int) {
	m.reapedExecutors.Add(float64(executors))
	m.reapedJobs.Add(float64(jobs))
}

// Failed implements executor.Observer.
func (m *Metrics) Failed(operation string, err error) {
	m.databaseErrors.WithLabelValues(strings.ReplaceAll(operation, " ", "_"), class(err)).Inc()
}

var _ executor.Observer = (*Metrics)(nil)
