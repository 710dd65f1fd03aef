package store_test

import (
	"maps"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/tagexec/tagexec/store"
)

// What cannot be used, in the model: one source of sql jobs.

func (c columns) needsSource() bool { return c.kind == "sql" && c.source == "away" }

// loseSource: one executor or all cannot use the source any more, or can again.
// The others hear of it with the next heartbeat.
func (m *model) loseSource() {
	since := rapid.SampledFrom([]age{long, lately, not}).Draw(m.t, "since")
	_, one := m.drawExecutor()
	lose := []*modelExecutor{one}
	if rapid.Bool().Draw(m.t, "all") {
		lose = m.executors
	}
	for _, e := range lose {
		m.avoid(e, since, rapid.Bool().Draw(m.t, "tells"))
	}
}

func (m *model) avoid(e *modelExecutor, since age, tells bool) {
	m.t.Logf("executor %s lacks the source: %q, tells: %v", e.Hostname, since, tells)
	var list []store.Unavailable
	if since != not {
		list = []store.Unavailable{{
			Kind: "sql", Resource: store.Resource{Name: "away", Field: "source", Texts: []string{"away"}}, Error: "down",
			Since: time.Now().Add(map[age]time.Duration{long: -2 * time.Hour}[since]),
		}}
	}
	e.Avoid(list)
	e.avoids = since
	if tells && !e.reaped {
		_, err := e.Heartbeat(m.ctx)
		m.must(err)
		m.setLease(e, "runs")
		e.told = since
	}
}

// outage: an executor claims and finds the source away, the others hear of it or
// not, and that lasts for hours. Then it is given up or tried again.
func (m *model) outage() {
	i, e := m.drawExecutor()
	handBack := func() {
		m.avoid(e, not, true)
		m.claimFor(i, e, true)
		var results []store.Result
		for _, c := range m.held() {
			if c.Executor == e.id {
				results = append(results, store.Result{Claim: c, Outcome: store.Interrupted, ErrorCode: "unavailable", Error: "down"})
			}
		}
		m.recordThese(results)
	}
	for _, o := range m.executors {
		m.avoid(o, long, true)
	}
	handBack()
	m.avoid(e, long, true)
	for _, id := range slices.Sorted(maps.Keys(m.jobs)) {
		j := m.jobs[id]
		if j.unavailable == lately {
			m.exec(`UPDATE tagexec.tag_jobs SET unavailable_since = unavailable_since - interval '2 h' WHERE id = $1`, j.id)
			j.unavailable = long
		}
		if !j.due && j.state == "pending" && rapid.Bool().Draw(m.t, "due") {
			m.becomeDue(j)
		}
	}
	if rapid.Bool().Draw(m.t, "some hear otherwise") {
		m.loseSource()
	}
	if rapid.Bool().Draw(m.t, "given up") {
		m.giveUp()
	} else {
		m.compare() // reads since when jobs are due
		handBack()
	}
}

// mayRunElsewhere: another live executor takes the job, and called nothing
// unavailable that it needs.
func (m *model) mayRunElsewhere(c store.Claim, j *modelJob) bool {
	return slices.ContainsFunc(m.everyExecutor(), func(o *modelExecutor) bool {
		return o.id != c.Executor && m.takes(o, j) && (o.Batch == "" || o.Batch == j.batch) && (o.told == not || !j.needsSource())
	})
}

// takes: the executor lives, and takes jobs of this kind and pool.
func (m *model) takes(o *modelExecutor, j *modelJob) bool {
	return o.lease == "runs" && !o.reaped && !o.stopped && slices.Contains(o.Kinds, j.kind) && (o.Pools == nil || slices.Contains(o.Pools, j.pool))
}

// giveUp: what could run nowhere for its time fails, also while it pauses no more.
func (m *model) giveUp() {
	i, e := m.drawExecutor()
	want := 0
	for _, j := range m.jobs {
		nowhere := e.avoids == long && !slices.ContainsFunc(m.everyExecutor(), func(o *modelExecutor) bool {
			return o != e && m.takes(o, j) && o.told != long
		})
		if nowhere && j.state == "pending" && j.due && j.needsSource() && j.unavailable == long && j.hours == 0 &&
			slices.Contains(e.Kinds, j.kind) && (e.Pools == nil || slices.Contains(e.Pools, j.pool)) && (e.Batch == "" || e.Batch == j.batch) {
			j.state, j.code = "failed", "unavailable"
			m.happened["given up"]++
			want++
		}
	}
	got, err := e.GiveUp(m.ctx)
	m.must(err)
	m.t.Logf("executor %d gives up → %d", i, got)
	if got != want {
		m.t.Fatalf("gave up %d jobs, want %d", got, want)
	}
}
