package store_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"pgregory.net/rapid"

	"github.com/tagexec/tagexec/store"
)

// What executors do in the model.

func sqlState(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// register starts executor i anew, under a new id. Leases are so short that they
// are over between two looks of a reaper; whose lease runs gives a sign there.
func (m *model) register(i int) {
	config := []store.Executor{
		{Kinds: []string{"sql", "http"}},
		{Kinds: []string{"sql"}, Pools: []string{"default", "two"}},
		{Kinds: []string{"sql", "http"}, Batch: "a"},
	}[i]
	if e := m.executors[i]; e != nil {
		m.past = append(m.past, e)
	}
	config.Hostname, config.Lease = fmt.Sprint("executor ", i), time.Nanosecond
	session, err := m.store.Register(m.ctx, config)
	m.must(err)
	e := &modelExecutor{Session: session, Executor: config, id: uuid.MustParse(session.ID())}
	m.executors[i] = e
	m.setLease(e, "runs")
}

func (m *model) setLease(e *modelExecutor, lease string) {
	e.lease = lease
	m.exec(map[string]string{
		"runs":  `UPDATE tagexec.tag_executors SET lease_seconds = 3600, heartbeat_at = clock_timestamp() WHERE id = $1`,
		"over":  `UPDATE tagexec.tag_executors SET lease_seconds = 1e-9, heartbeat_at = clock_timestamp() - interval '1 h' WHERE id = $1`,
		"young": `UPDATE tagexec.tag_executors SET lease_seconds = 1e6, heartbeat_at = clock_timestamp() - interval '2000000 s' WHERE id = $1`,
	}[lease], e.id)
}

func (m *model) drawExecutor() (int, *modelExecutor) {
	i := rapid.IntRange(0, len(m.executors)-1).Draw(m.t, "executor")
	return i, m.executors[i]
}

// everyExecutor are the present and the past ones.
func (m *model) everyExecutor() []*modelExecutor { return append(slices.Clone(m.past), m.executors...) }

func (m *model) expire() {
	i, e := m.drawExecutor()
	lease := rapid.SampledFrom([]string{"over", "over", "young"}).Draw(m.t, "lease")
	m.t.Logf("executor %d: lease %s", i, lease)
	m.setLease(e, lease)
}

func (m *model) heartbeat() {
	i, e := m.drawExecutor()
	_, err := e.Heartbeat(m.ctx)
	m.t.Logf("executor %d: heartbeat → %v", i, err)
	if errors.Is(err, store.ErrReaped) != e.reaped || err != nil && !e.reaped {
		m.t.Fatalf("heartbeat of an executor that is reaped (%v): %v", e.reaped, err)
	}
	if !e.reaped {
		if !one[bool](m, `SELECT heartbeat_at BETWEEN $2 AND clock_timestamp() FROM tagexec.tag_executors WHERE id = $1`, e.id, m.now) {
			m.t.Fatal("the heartbeat did not renew the lease")
		}
		m.setLease(e, "runs")
		e.told = e.avoids
	}
}

// restart starts an executor anew; the old one stopped by itself, or it goes on
// as a zombie whose lease nobody renews.
func (m *model) restart() {
	i, e := m.drawExecutor()
	stops := rapid.Bool().Draw(m.t, "stops")
	m.t.Logf("executor %d restarts, the old one stops: %v", i, stops)
	if stops {
		m.must(e.Stop(m.ctx))
		e.stopped = !e.reaped
	}
	if e.lease == "runs" {
		m.setLease(e, "over")
	}
	m.register(i)
}

// crash: an executor claims what it can, dies, and is reaped at once.
func (m *model) crash() {
	i, e := m.drawExecutor()
	m.claimFor(i, e, true)
	m.t.Logf("executor %d crashes", i)
	m.setLease(e, "over")
	m.register(i)
	m.reap(longContact)
}

func (m *model) reap(contact time.Duration) {
	var want store.Reaped
	gone := map[uuid.UUID]bool{}
	young := map[uuid.UUID]bool{}
	if contact == longContact {
		all := m.everyExecutor()
		slices.SortFunc(all, func(a, b *modelExecutor) int { return strings.Compare(a.id.String(), b.id.String()) })
		for _, e := range all {
			young[e.id] = e.lease == "young"
			switch {
			case e.lease == "over" && !e.stopped && !e.reaped && len(want.Executors) < 10:
				want.Executors = append(want.Executors, e.id)
				e.reaped = true
				gone[e.id] = true
			case e.stopped || e.reaped:
				gone[e.id] = e.lease != "young"
			}
		}
		for _, j := range m.jobs {
			crash := gone[j.executor]
			if j.state != "running" || !crash && (!j.overdue || young[j.executor]) {
				continue
			}
			want.Jobs++
			if crash {
				j.crashes++
			}
			state, outcome := "pending", store.Lost
			switch {
			case j.cancel:
				state, outcome = "cancelled", store.Cancelled
			case j.crashes >= 3, j.failures+1 >= j.maxAttempts:
				state = "failed"
			}
			if !j.cancel {
				j.failures++
			}
			j.code, j.unavailable = "lost", not
			if j.crashes >= 3 && !j.cancel {
				j.code = "crash_limit"
			}
			m.end(j, state, outcome, true)
			m.happened["reaped to "+state]++
		}
	}
	_, err := m.store.Reap(m.ctx, 0) // looks
	m.must(err)
	for _, e := range m.everyExecutor() {
		if e.lease == "runs" {
			m.setLease(e, "runs")
		}
	}
	got, err := m.store.Reap(m.ctx, contact)
	m.must(err)
	m.t.Logf("reap with contact %s → %d executors, %d jobs", contact, len(got.Executors), got.Jobs)
	slices.SortFunc(got.Executors, func(a, b uuid.UUID) int { return strings.Compare(a.String(), b.String()) })
	if !slices.Equal(got.Executors, want.Executors) || got.Jobs != want.Jobs {
		m.t.Fatalf("reaped %+v, want %+v", got, want)
	}
}

// held are the claims whose results are still to come.
func (m *model) held() (list []store.Claim) {
	for _, c := range m.claims {
		if m.fate(c) == store.Applied {
			list = append(list, c)
		}
	}
	return list
}

func (m *model) fate(c store.Claim) store.Fate {
	j := m.jobs[c.ID]
	end, ended := m.attempts[attemptKey{c.ID, int(c.Attempt)}]
	switch {
	case j == nil:
		return store.Missing
	case j.state == "running" && j.attempt == int(c.Attempt) && j.executor == c.Executor:
		return store.Applied
	case ended && end.executor == c.Executor && !end.reaped:
		return store.Already
	default:
		return store.Refused
	}
}

// record stores up to three results of the claims.
func (m *model) record(claims []store.Claim) {
	if len(claims) == 0 {
		m.t.Skip("no claims")
	}
	drawn := rapid.SliceOfNDistinct(rapid.IntRange(0, len(claims)-1), 1, 3, rapid.ID[int]).Draw(m.t, "claims")
	var results []store.Result
	for _, i := range drawn {
		results = append(results, m.drawResult(claims[i]))
	}
	m.recordThese(results)
}

func (m *model) drawResult(c store.Claim) store.Result {
	r := store.Result{
		Claim:     c,
		Outcome:   rapid.SampledFrom([]store.Outcome{store.Succeeded, store.Failed, store.Failed, store.TimedOut, store.Interrupted, store.Cancelled, store.Interrupted, store.Interrupted}).Draw(m.t, "outcome"),
		Permanent: rapid.IntRange(0, 3).Draw(m.t, "permanent") == 3,
		Delay:     time.Duration(rapid.SampledFrom([]int{0, 0, 1}).Draw(m.t, "delay")) * time.Hour,
	}
	if r.Outcome == store.Interrupted && rapid.IntRange(0, 3).Draw(m.t, "unavailable") > 0 {
		r.ErrorCode, r.Error = "unavailable", "down"
	}
	return r
}

// recordWrong records a result that nobody has the right to.
func (m *model) recordWrong() {
	if len(m.claims) == 0 {
		m.t.Skip("no claims")
	}
	c := rapid.SampledFrom(m.claims).Draw(m.t, "claim")
	switch rapid.IntRange(0, 2).Draw(m.t, "wrong") {
	case 0:
		c.Attempt++ // of which the executor may hold the claim, or another
	case 1:
		c.Attempt--
	case 2:
		_, e := m.drawExecutor()
		c.Executor = e.id
	}
	m.recordThese([]store.Result{m.drawResult(c)})
}

func (m *model) recordThese(results []store.Result) {
	var want []store.Fate
	pauses := map[*modelJob]age{}
	for _, r := range results {
		fate := m.fate(r.Claim)
		want = append(want, fate)
		m.happened["result "+string(fate)]++
		if fate != store.Applied {
			continue
		}
		j := m.jobs[r.ID]
		state, outcome := "pending", r.Outcome
		failed := r.Outcome == store.Failed || r.Outcome == store.TimedOut
		unavailable := r.ErrorCode == "unavailable"
		switch {
		case r.Outcome != store.Interrupted, unavailable && m.mayRunElsewhere(r.Claim, j):
			j.unavailable = not
		case unavailable:
			j.unavailable = cmp.Or(j.unavailable, lately)
		}
		j.code = r.ErrorCode
		switch {
		case r.Outcome == store.Succeeded:
			state = "succeeded"
		case r.Outcome == store.Cancelled || j.cancel:
			state, outcome, failed = "cancelled", store.Cancelled, false
			j.code = cmp.Or(j.code, "cancelled")
		case unavailable && (j.unavailable == long && j.hours == 0 || j.unavailable != not && j.overdue):
			state = "failed"
			m.happened["failed as unavailable"]++
		case failed && (r.Permanent || j.failures+1 >= j.maxAttempts), r.Permanent && r.Outcome != store.Interrupted:
			state = "failed"
		}
		if failed {
			j.failures++
		}
		j.due = j.due && state != "pending" || state == "pending" && r.Delay == 0 && !unavailable
		if state == "pending" && unavailable {
			pauses[j] = j.unavailable
			m.happened["unavailable "+string(j.unavailable)]++
		}
		m.end(j, state, outcome, false)
	}
	got, err := m.store.Record(m.ctx, results)
	m.must(err)
	for i, r := range results {
		m.t.Logf("record job %d attempt %d %s permanent %v delay %s → %s", r.ID, r.Attempt, r.Outcome, r.Permanent, r.Delay, got[i])
	}
	if !slices.Equal(got, want) {
		m.t.Fatalf("fates %v, want %v", got, want)
	}
	for j, since := range pauses {
		m.pause(j, since)
	}
}

// pause checks how long a job pauses after an attempt in which nothing ran, and
// makes that an hour, so that it ends when the model says so.
func (m *model) pause(j *modelJob, since age) {
	least, most := time.Second, time.Minute // lately may be some time ago
	switch since {
	case not:
		most = 2 * time.Second
	case long:
		least = time.Minute / 2
	}
	pause := one[time.Duration](m, `UPDATE tagexec.tag_jobs SET run_at = run_at + interval '1 h' WHERE id = $1 RETURNING run_at - finished_at - interval '1 h'`, j.id)
	if pause < least || pause > most {
		m.t.Fatalf("job %d, which is unavailable %q, pauses for %s, want %s to %s", j.id, since, pause, least, most)
	}
}

// used are the slots of a pool that running jobs hold.
func (m *model) used(pool string) (sum int) {
	for _, j := range m.jobs {
		if j.state == "running" && j.pool == pool {
			sum += j.slots
		}
	}
	return sum
}

func (m *model) busyKeys() map[string]bool {
	busy := map[string]bool{}
	for _, j := range m.jobs {
		if j.state == "running" && j.mutex != "" {
			busy[j.mutex] = true
		}
	}
	return busy
}

// mayRun tells whether the executor may claim the job as far as the job and its
// pool alone decide it: apart from free slots and from other jobs.
func (m *model) mayRun(e *modelExecutor, j *modelJob) bool {
	return j.state == "pending" && j.due && slices.Contains(e.Kinds, j.kind) && (e.Pools == nil || slices.Contains(e.Pools, j.pool)) &&
		(e.Batch == "" || e.Batch == j.batch) && !m.pools[j.pool].paused && !m.tooWide(j.columns) && (e.avoids == not || !j.needsSource())
}

func (m *model) limited(j *modelJob) bool { return m.pools[j.pool].slots >= 0 }

func inOrder(a, b *modelJob) int {
	return cmp.Or(cmp.Compare(b.priority, a.priority), a.runAt.Compare(b.runAt), cmp.Compare(a.id, b.id))
}

// waiting are the jobs the executor may claim by claim, in order.
func (m *model) waiting(e *modelExecutor) (list []*modelJob) {
	for _, j := range m.jobs {
		if j.crashes < 2 && m.mayRun(e, j) {
			list = append(list, j)
		}
	}
	slices.SortFunc(list, inOrder)
	return list
}

// heads returns of the jobs, in order, those without a key and of each other key
// that is not busy the first.
func heads(jobs []*modelJob, busy map[string]bool) (list []*modelJob) {
	seen := map[string]bool{}
	for _, j := range jobs {
		if j.mutex == "" || !busy[j.mutex] && !seen[j.mutex] {
			list = append(list, j)
		}
		seen[j.mutex] = true
	}
	return list
}

func (m *model) claim(look bool) {
	i, e := m.drawExecutor()
	m.claimFor(i, e, look)
}

func (m *model) claimFor(i int, e *modelExecutor, look bool) {
	n := rapid.SampledFrom([]int{10, 2, 1, 3}).Draw(m.t, "n")
	if look {
		store.ScanFirst(e.Session)
	}
	answer, err := e.Claim(m.ctx, n)
	m.must(err)
	got := answer.Jobs
	m.t.Logf("executor %d claims %d, look %v → %v", i, n, look, ids(got))
	if len(got) > n {
		m.t.Fatalf("claimed %d, asked for %d", len(got), n)
	}
	claimed := map[int64]bool{}
	for _, g := range got {
		if claimed[g.ID] {
			m.t.Fatalf("job %d was claimed twice", g.ID)
		}
		claimed[g.ID] = true
	}
	if look {
		m.checkOrder(e, n, claimed)
		suspects := false
		for _, j := range m.jobs {
			suspects = suspects || j.crashes >= 2 && m.mayRun(e, j) && (e.Batch == "" || !m.busyKeys()[j.mutex])
		}
		if answer.Suspects != suspects {
			m.t.Fatalf("suspects %v, want %v", answer.Suspects, suspects)
		}
	}
	var jobs []*modelJob
	for _, g := range got {
		j := m.jobs[g.ID]
		if j == nil || !slices.Contains(m.waiting(e), j) {
			m.t.Fatalf("job %d was claimed, which must not run here: %v", g.ID, j)
		}
		jobs = append(jobs, j)
		m.run(e, j, g)
	}
	if !slices.IsSortedFunc(jobs, inOrder) {
		m.t.Fatalf("claimed jobs %v are not in order", ids(got))
	}
}

// run notes a claim, and fails if it breaks a limit.
func (m *model) run(e *modelExecutor, j *modelJob, g store.Job) {
	if j.mutex != "" && m.busyKeys()[j.mutex] {
		m.t.Fatalf("job %d was claimed while its key %s is busy", j.id, j.mutex)
	}
	j.state, j.executor, j.attempt, j.overdue = "running", e.id, j.attempt+1, false
	if m.limited(j) && m.used(j.pool) > m.pools[j.pool].slots {
		m.t.Fatalf("job %d was claimed: %d of %d slots of %s are in use", j.id, m.used(j.pool), m.pools[j.pool].slots, j.pool)
	}
	if want := (store.Claim{ID: j.id, Attempt: int32(j.attempt), Executor: e.id}); g.Claim != want || int(g.Failures) != j.failures || int(g.Crashes) != j.crashes {
		m.t.Fatalf("claimed %+v, want %+v of %v", g, want, j)
	}
	m.claims = append(m.claims, g.Claim)
	m.happened["claimed"]++
}

// checkOrder judges a claim that knew all, on the state before it: lanes are
// emptied from their front and the higher priority first, of a key its head
// goes, a limited pool is filled in order up to the first job that does not
// fit, and nothing is left if fewer than n were claimed.
func (m *model) checkOrder(e *modelExecutor, n int, claimed map[int64]bool) {
	before := m.busyKeys()
	after := m.busyKeys()
	elsewhere := m.busyKeys() // also keys taken by this claim in unlimited pools
	var lanes, keyed, two []*modelJob
	for _, j := range m.waiting(e) {
		switch {
		case m.limited(j):
			two = append(two, j)
		case j.mutex == "":
			lanes = append(lanes, j)
		default:
			keyed = append(keyed, j)
		}
		if claimed[j.id] && j.mutex != "" {
			after[j.mutex] = true
			elsewhere[j.mutex] = elsewhere[j.mutex] || !m.limited(j)
		}
	}
	for i, j := range lanes {
		for _, first := range lanes[:i] {
			if claimed[j.id] && !claimed[first.id] && (first.pool == j.pool || first.priority > j.priority) {
				m.t.Fatalf("job %d was claimed before job %d", j.id, first.id)
			}
		}
		if len(claimed) < n && !claimed[j.id] {
			m.t.Fatalf("job %d was left", j.id)
		}
	}
	for i, j := range keyed {
		for _, first := range keyed[:i] {
			if claimed[j.id] && first.mutex == j.mutex && (first.pool == j.pool || e.Batch != "") {
				m.t.Fatalf("job %d was claimed before job %d of the same key", j.id, first.id)
			}
		}
		if len(claimed) < n && !after[j.mutex] {
			m.t.Fatalf("job %d was left, and its key %s is free", j.id, j.mutex)
		}
	}
	// What of its keys is taken elsewhere may be so before or after this pool's turn.
	var failures []string
	for _, busy := range []map[string]bool{before, elsewhere} {
		wrong := ""
		free := m.pools["two"].slots - m.used("two")
		stopped := false
		queue := heads(two, busy)
		foreign := m.reserving(e, busy)
		if foreign != nil {
			queue = append(queue, foreign)
			slices.SortFunc(queue, inOrder)
		}
		for _, j := range queue {
			switch fits := j.slots <= free; {
			case j == foreign && fits:
				free -= j.slots
				m.happened["slots kept for another executor"]++
			case claimed[j.id] && (stopped || !fits):
				wrong = fmt.Sprintf("job %d overtook in its pool", j.id)
			case claimed[j.id]:
				free -= j.slots
			case !stopped && fits && len(claimed) < n:
				wrong = fmt.Sprintf("job %d fits and was left", j.id)
			default:
				stopped = true
				m.happened["kept waiting by a full pool"]++
			}
		}
		for _, j := range two {
			if claimed[j.id] && !slices.Contains(heads(two, busy), j) {
				wrong = fmt.Sprintf("job %d was claimed, which is not the head of its key", j.id)
			}
		}
		if wrong == "" {
			return
		}
		failures = append(failures, wrong)
	}
	m.t.Fatal(strings.Join(failures, "; or "))
}

// reserving is the job of the limited pool that keeps its slots though only other
// executors run it, if there is one: the first of those and of the keyed ones.
func (m *model) reserving(e *modelExecutor, busy map[string]bool) (first *modelJob) {
	for _, j := range m.jobs {
		if !m.limited(j) || j.crashes >= 2 || busy[j.mutex] || j.mutex == "" && m.mayRun(e, j) || first != nil && inOrder(first, j) < 0 ||
			e.avoids != not && j.needsSource() {
			continue
		}
		if slices.ContainsFunc(m.executors, func(o *modelExecutor) bool {
			able := *o
			able.avoids = not // it counts what it said
			return o == e && m.mayRun(e, j) || o != e && m.mayRun(&able, j) && o.lease == "runs" && !o.reaped && (o.told == not || j.kind != "sql")
		}) {
			first = j
		}
	}
	if first != nil && m.mayRun(e, first) {
		return nil
	}
	return first
}

// claimSuspect: of the suspects that can run the one that has waited longest.
func (m *model) claimSuspect() {
	i, e := m.drawExecutor()
	var want *modelJob
	for _, j := range m.jobs {
		fits := !m.limited(j) || j.slots <= m.pools[j.pool].slots-m.used(j.pool)
		if j.crashes >= 2 && m.mayRun(e, j) && fits && (j.mutex == "" || !m.busyKeys()[j.mutex]) &&
			(want == nil || cmp.Or(j.runAt.Compare(want.runAt), cmp.Compare(j.id, want.id)) < 0) {
			want = j
		}
	}
	got, err := e.ClaimSuspect(m.ctx)
	m.must(err)
	m.t.Logf("executor %d claims a suspect → %v", i, ids(got))
	switch {
	case want == nil && len(got) == 0:
	case want == nil || len(got) != 1 || got[0].ID != want.id:
		m.t.Fatalf("claimed suspects %v, want %v", ids(got), want)
	default:
		m.run(e, want, got[0])
		m.happened["suspect claimed"]++
	}
}
