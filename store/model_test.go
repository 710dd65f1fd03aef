package store_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/doctor"
	"github.com/tagexec/tagexec/store/storetest"
)

// What go test takes unless it is told otherwise. -rapid.checks asks for more,
// -rapid.seed for the same again. A failure is not worth a file: it names its seed.
var modelDefaults = map[string]string{"rapid.checks": "40", "rapid.steps": "40", "rapid.nofailfile": "true"}

// TestModelAndStoreAgree lets three executors, a producer and an
// operator do random things, and compares the tables after each step with what
// a small model in Go, written from the contract, says they hold.
func TestModelAndStoreAgree(t *testing.T) {
	asked := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { asked[f.Name] = true })
	for name, value := range modelDefaults {
		if !asked[name] {
			before := flag.Lookup(name).Value.String()
			t.Cleanup(func() { _ = flag.Set(name, before) })
			if err := flag.Set(name, value); err != nil {
				t.Fatal(err)
			}
		}
	}
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_pools (pool) VALUES ('open'), ('two')")
	db.Allow("pool_limit") // the last check may have made a pool smaller; the model looks at it
	s := db.Store()
	steps, taken, happened := 0, map[string]int{}, map[string]int{}
	rapid.Check(t, func(r *rapid.T) {
		m := newModel(t.Context(), r, db, s)
		m.happened = happened
		for range 3 {
			m.insert()
		}
		m.compare()
		actions := map[string]func(*rapid.T){}
		for name, do := range m.actions() {
			actions[name] = func(r *rapid.T) {
				m.t = r
				do()
				steps++
				taken[name]++
			}
		}
		actions[""] = func(r *rapid.T) { m.t = r; m.compare() }
		r.Repeat(actions)
	})
	t.Logf("%d steps: %v; in them: %v", steps, taken, happened)
}

type (
	// columns are what a producer decides about a job.
	columns struct {
		kind, pool, mutex            string
		source                       string // in its payload
		slots, priority, maxAttempts int
		hours                        int  // its timeout; 0: that of the executor, an hour
		due                          bool // its run_at is over
	}
	// modelJob is a row of tag_jobs as it ought to be.
	modelJob struct {
		columns
		id                         int64
		batch, dedupe, state       string
		attempt, failures, crashes int
		executor                   uuid.UUID
		cancel, overdue            bool
		retry                      *columns // asked for while a cancel is in flight; empty to keep its columns
		runAt                      time.Time
		moved                      string // how this step changes run_at: "", "insert" or "retry"
		code                       string // of its last error
		unavailable                age
	}
	attemptKey struct {
		job     int64
		attempt int
	}
	attemptEnd struct {
		executor uuid.UUID
		outcome  store.Outcome
		reaped   bool
	}
	modelPool struct {
		slots  int // -1: no limit
		paused bool
	}
	// modelExecutor is one start of an executor.
	modelExecutor struct {
		store.Session
		store.Executor
		id              uuid.UUID
		lease           string // runs, over, young: over, but longer than anybody has looked
		reaped, stopped bool
		avoids          age // it cannot use the source
		told            age // its last heartbeat said so
	}
	// age says for how long something is unavailable.
	age   string
	model struct {
		happened  map[string]int // over all checks: what was reached
		ctx       context.Context
		t         *rapid.T
		db        *storetest.DB
		store     *store.Store
		jobs      map[int64]*modelJob
		attempts  map[attemptKey]attemptEnd
		pools     map[string]*modelPool
		batches   map[string]bool
		executors []*modelExecutor // present ones; the third works for batch a only
		past      []*modelExecutor
		claims    []store.Claim // ever returned
		now       time.Time     // of the database, at the last comparison
	}
)

// Two hours are longer than an executor's limit of an attempt.
const (
	not    age = ""
	lately age = "lately"
	long   age = "long"
)

// Reaps with long contact pass the grace of every lease but the young one's.
const (
	longContact  = 10_000_000 * time.Second
	shortContact = 0
)

func newModel(ctx context.Context, r *rapid.T, db *storetest.DB, s *store.Store) *model {
	m := &model{
		ctx: ctx, t: r, db: db, store: s,
		jobs: map[int64]*modelJob{}, attempts: map[attemptKey]attemptEnd{}, batches: map[string]bool{},
		pools:     map[string]*modelPool{"default": {slots: -1}, "open": {slots: -1}, "two": {slots: 2}},
		executors: make([]*modelExecutor, 3),
	}
	m.exec(`SET session_replication_role = replica; -- the append-only tables too
		TRUNCATE tagexec.tag_jobs, tagexec.tag_past_attempts, tagexec.tag_batches, tagexec.tag_executors, tagexec.tag_operator_actions RESTART IDENTITY;
		UPDATE tagexec.tag_pools SET paused = false, slots = CASE pool WHEN 'two' THEN 2 END;
		SET session_replication_role = DEFAULT`)
	m.now = one[time.Time](m, `SELECT clock_timestamp()`)
	for i := range m.executors {
		m.register(i)
	}
	return m
}

// actions are named in the order of their weight, as rapid takes the first ones
// more often. A name with a number is there once more.
func (m *model) actions() map[string]func() {
	actions := map[string]func(){}
	for i, a := range []struct {
		name string
		do   func()
	}{
		{"claim", func() { m.claim(true) }},
		{"record", func() { m.record(m.held()) }},
		{"insert", m.insert},
		{"submit", m.submit},
		{"claim by hints", func() { m.claim(false) }},
		{"lose the source", m.loseSource},
		{"crash", m.crash},
		{"outage", m.outage},
		{"cancel job", m.cancelJob},
		{"record any", func() { m.record(m.claims) }},
		{"retry job", m.retryJob},
		{"claim suspect", m.claimSuspect},
		{"insert 2", m.insert},
		{"claim 2", func() { m.claim(true) }},
		{"record 2", func() { m.record(m.held()) }},
		{"cancel batch", m.cancelBatch},
		{"retry batch", m.retryBatch},
		{"submit 2", m.submit},
		{"record wrong", m.recordWrong},
		{"expire", m.expire},
		{"reap", func() { m.reap(rapid.SampledFrom([]time.Duration{longContact, shortContact}).Draw(m.t, "contact")) }},
		{"restart", m.restart},
		{"overdue", m.overdue},
		{"time passes", m.timePasses},
		{"give up", m.giveUp},
		{"heartbeat", m.heartbeat},
		{"change pool", m.changePool},
		{"claim 3", func() { m.claim(true) }},
		{"prune", m.prune},
	} {
		actions[fmt.Sprintf("%02d %s", i, a.name)] = a.do
	}
	return actions
}

// compare fails if the tables differ from the model, break a promise or a
// limit, or if the executors read back something else.
func (m *model) compare() {
	before := m.now
	rows := m.query(`SELECT id, concat_ws(' ', id, state, attempt, 'failures', failures, 'crashes', crashes, 'batch', coalesce(batch, '-'), coalesce(dedupe_key, '-'),
		'cols', kind, payload ->> 'source', pool, slots, priority, coalesce(mutex_key, '-'), max_attempts, coalesce(timeout_seconds / 3600, 0), 'on', coalesce(executor_id::text, '-'),
		'cancel', cancel_requested_at IS NOT NULL, 'retry', retry_request IS NOT NULL, 'code', coalesce(error_code, '-'),
		'unavailable', CASE WHEN unavailable_since < clock_timestamp() - interval '1 h' THEN 'long' WHEN unavailable_since IS NOT NULL THEN 'lately' ELSE '-' END), run_at, clock_timestamp() FROM tagexec.tag_jobs ORDER BY id`)
	var (
		id    int64
		line  string
		runAt time.Time
		seen  []string
		want  []string
	)
	now := before
	_, err := pgx.ForEachRow(rows, []any{&id, &line, &runAt, &now}, func() error {
		seen = append(seen, line)
		j := m.jobs[id]
		if j == nil {
			return nil
		}
		switch late := runAt.Sub(now) > 30*time.Minute; {
		case j.moved == "" && !runAt.Equal(j.runAt):
			return fmt.Errorf("job %d: run_at was %s, is %s", id, j.runAt, runAt)
		case late == j.due:
			return fmt.Errorf("job %d: run_at is %s at %s, want due %v", id, runAt, now, j.due)
		case j.moved == "retry" && runAt.Before(before):
			return fmt.Errorf("job %d: run_at %s of a retry lies before %s, behind the hints", id, runAt, before)
		}
		j.runAt, j.moved = runAt, ""
		return nil
	})
	m.must(err)
	m.now = now
	for _, id := range slices.Sorted(maps.Keys(m.jobs)) {
		want = append(want, m.jobs[id].String())
	}
	m.same("jobs", seen, want)

	seen, want = m.strings(`SELECT concat_ws(' ', job_id, attempt, outcome, executor_id) FROM tagexec.tag_job_attempts ORDER BY job_id, attempt`), nil
	for _, k := range slices.SortedFunc(maps.Keys(m.attempts), func(a, b attemptKey) int {
		return cmp.Or(cmp.Compare(a.job, b.job), cmp.Compare(a.attempt, b.attempt))
	}) {
		want = append(want, fmt.Sprint(k.job, k.attempt, " ", m.attempts[k].outcome, " ", m.attempts[k].executor))
	}
	m.same("attempts", seen, want)
	m.same("batches", m.strings(`SELECT batch FROM tagexec.tag_batches ORDER BY batch`), slices.Sorted(maps.Keys(m.batches)))

	for _, e := range m.executors {
		running, err := e.Running(m.ctx)
		m.must(err)
		seen, want = nil, nil
		for _, r := range running {
			seen = append(seen, fmt.Sprint(r.ID, r.Attempt, r.Cancel))
		}
		for _, j := range m.jobs {
			if j.state == "running" && j.executor == e.id {
				want = append(want, fmt.Sprint(j.id, j.attempt, j.cancel))
			}
		}
		m.same("read back", slices.Sorted(slices.Values(seen)), slices.Sorted(slices.Values(want)))
	}

	list, err := doctor.Violations(m.ctx, m.db.Pool)
	m.must(err)
	for _, v := range list {
		// Where a pool was made smaller; that claims keep the limit, checkClaimed sees.
		if v.Rule != "pool_limit" || m.used("two") <= m.pools["two"].slots {
			m.t.Fatalf("invariant %s: %s", v.Rule, v.Detail)
		}
	}
}

func (j *modelJob) String() string {
	executor, mark := "-", map[bool]string{true: "t", false: "f"}
	if j.executor != uuid.Nil {
		executor = j.executor.String()
	}
	return fmt.Sprintf("%d %s %d failures %d crashes %d batch %s %s cols %s %s %s %d %d %s %d %d on %s cancel %s retry %s code %s unavailable %s",
		j.id, j.state, j.attempt, j.failures, j.crashes, cmp.Or(j.batch, "-"), cmp.Or(j.dedupe, "-"),
		j.kind, j.source, j.pool, j.slots, j.priority, cmp.Or(j.mutex, "-"), j.maxAttempts, j.hours, executor, mark[j.cancel], mark[j.retry != nil],
		cmp.Or(j.code, "-"), cmp.Or(j.unavailable, "-"))
}

func (m *model) same(what string, got, want []string) {
	if !slices.Equal(got, want) {
		m.t.Fatalf("%s\ngot  %s\nwant %s", what, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

// drawColumns draws what a producer decides, with some that mean nothing left
// at their defaults more often than not.
func (m *model) drawColumns() columns {
	return columns{
		kind:        rapid.SampledFrom([]string{"sql", "sql", "http"}).Draw(m.t, "kind"),
		source:      rapid.SampledFrom([]string{"here", "away"}).Draw(m.t, "source"),
		pool:        rapid.SampledFrom([]string{"default", "two", "two", "open"}).Draw(m.t, "pool"),
		mutex:       rapid.SampledFrom([]string{"", "", "k", "l"}).Draw(m.t, "mutex"),
		slots:       rapid.IntRange(1, 2).Draw(m.t, "slots"),
		priority:    rapid.IntRange(5, 6).Draw(m.t, "priority"),
		maxAttempts: rapid.SampledFrom([]int{3, 2, 1}).Draw(m.t, "max_attempts"),
		hours:       rapid.SampledFrom([]int{0, 0, 3}).Draw(m.t, "hours"),
		due:         rapid.SampledFrom([]bool{true, true, true, false}).Draw(m.t, "due"),
	}
}

func (c columns) String() string {
	return fmt.Sprintf("%s %s %s×%d priority %d mutex %q max %d hours %d due %v", c.kind, c.source, c.pool, c.slots, c.priority, c.mutex, c.maxAttempts, c.hours, c.due)
}

func (m *model) drawBatch() string { return rapid.SampledFrom([]string{"a", "b"}).Draw(m.t, "batch") }

func (m *model) tooWide(c columns) bool {
	p := m.pools[c.pool]
	return p.slots >= 0 && c.slots > p.slots
}

// runAt is a run_at that makes c.due true; a day back when past is drawn.
func (m *model) runAt(c columns) time.Time {
	switch {
	case !c.due:
		return m.now.Add(time.Hour)
	case rapid.Bool().Draw(m.t, "long due"):
		return m.now.Add(-24 * time.Hour)
	}
	return m.now
}

func (m *model) insert() {
	c := m.drawColumns()
	batch, dedupe := "", ""
	if rapid.Bool().Draw(m.t, "in a batch") {
		batch = m.drawBatch()
	}
	if rapid.IntRange(0, 3).Draw(m.t, "with key") == 3 {
		dedupe = m.drawKey()
	}
	ids, err := m.ids(`INSERT INTO tagexec.tag_jobs (tag, kind, pool, mutex_key, slots, priority, max_attempts, run_at, batch, dedupe_key, payload, timeout_seconds)
		VALUES ('t', $1, $2, nullif($3, ''), $4, $5, $6, $7, nullif($8, ''), nullif($9, ''), jsonb_build_object('source', $10::text), 3600 * nullif($11::integer, 0))
		ON CONFLICT DO NOTHING RETURNING id`,
		c.kind, c.pool, c.mutex, c.slots, c.priority, c.maxAttempts, m.runAt(c), batch, dedupe, c.source, c.hours)
	switch exists := dedupe != "" && m.byKey(dedupe) != nil; {
	case exists:
		m.must(err)
		if len(ids) != 0 {
			m.t.Fatalf("a second job with key %s was inserted", dedupe)
		}
	case m.tooWide(c):
		m.refused(err, "23514")
	default:
		m.must(err)
		m.jobs[ids[0]] = &modelJob{columns: c, id: ids[0], batch: batch, dedupe: dedupe, state: "pending", moved: "insert"}
		if batch != "" {
			m.batches[batch] = true
		}
	}
	m.t.Logf("insert %v batch %q key %q → %v", c, batch, dedupe, ids)
}

func (m *model) drawKey() string {
	return rapid.SampledFrom([]string{"a1", "b1", "shared"}).Draw(m.t, "key")
}

func (m *model) byKey(dedupe string) *modelJob {
	for _, j := range m.jobs {
		if j.dedupe == dedupe {
			return j
		}
	}
	return nil
}

func (m *model) submit() {
	batch := m.drawBatch()
	mode := rapid.SampledFrom([]string{"attach", "retry_failed", "retry_failed", "rerun_all", "rerun_all", "error"}).Draw(m.t, "on_existing")
	keys := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{batch + "1", batch + "2", batch + "3", "shared"}), 1, 3, rapid.ID).Draw(m.t, "keys")
	var (
		cols    []columns
		objects []map[string]any
		refusal string
	)
	for _, key := range keys {
		c := m.drawColumns()
		o := map[string]any{"tag": "t", "kind": c.kind, "pool": c.pool, "slots": c.slots, "priority": c.priority,
			"max_attempts": c.maxAttempts, "dedupe_key": key, "run_at": m.runAt(c).Format(time.RFC3339Nano)}
		o["payload"] = map[string]string{"source": c.source}
		if c.mutex != "" {
			o["mutex_key"] = c.mutex
		}
		if c.hours > 0 {
			o["timeout_seconds"] = c.hours * 3600
		}
		cols, objects = append(cols, c), append(objects, o)
		if j := m.byKey(key); j != nil && j.batch != batch {
			refusal = "23505"
		}
	}
	if slices.ContainsFunc(cols, m.tooWide) {
		refusal = "23514"
	}
	if mode == "error" && m.batches[batch] {
		refusal = "23505"
	}
	got, err := m.store.Submit(m.ctx, batch, storetest.JSON(objects), nil, mode)
	m.t.Logf("submit %s %v %s %v → %+v", batch, keys, mode, cols, got)
	if refusal != "" {
		m.happened["submission refused with "+refusal]++
		m.refused(err, refusal)
		return
	}
	m.must(err)
	want := store.Submission{Batch: batch}
	for i, key := range keys {
		j := m.byKey(key)
		switch {
		case j == nil:
			want.Inserted++
			continue
		case mode == "rerun_all" && j.final(), mode == "retry_failed" && (j.state == "failed" || j.state == "cancelled"):
			want.Requeued++
			j.again(&cols[i])
		case mode != "attach" && j.state == "running" && j.cancel:
			want.Requeued++
			j.retry = &cols[i]
		}
		want.Existing++
	}
	if got != want {
		m.t.Fatalf("submit_jobs returned %+v, want %+v", got, want)
	}
	for i, key := range keys {
		if m.byKey(key) == nil {
			ids, err := m.ids(`SELECT id FROM tagexec.tag_jobs WHERE dedupe_key = $1`, key)
			m.must(err)
			if len(ids) != 1 {
				m.t.Fatalf("%d jobs with key %s", len(ids), key)
			}
			m.jobs[ids[0]] = &modelJob{columns: cols[i], id: ids[0], batch: batch, dedupe: key, state: "pending", moved: "insert"}
		}
	}
	m.batches[batch] = true
}

func (j *modelJob) final() bool {
	return slices.Contains([]string{"succeeded", "failed", "cancelled"}, j.state)
}

// again makes the job pending as if it were new, with its attempts kept and
// the columns of a new submission, if there is one.
func (j *modelJob) again(c *columns) {
	j.state, j.failures, j.crashes, j.cancel, j.retry = "pending", 0, 0, false, nil
	j.due, j.moved, j.code, j.unavailable = true, "retry", "", not
	if c != nil && c.kind != "" {
		j.columns = *c
	}
}

// end is what the end of an attempt makes of the job.
func (m *model) end(j *modelJob, state string, outcome store.Outcome, reaped bool) {
	m.attempts[attemptKey{j.id, j.attempt}] = attemptEnd{j.executor, outcome, reaped}
	j.state = state
	switch {
	case j.retry != nil && state == "cancelled":
		m.happened["retry after cancel"]++
		j.again(j.retry)
	case state == "pending":
		j.moved = "retry"
	}
	j.retry = nil
}

func (m *model) drawJob() *modelJob {
	if len(m.jobs) == 0 {
		m.t.Skip("no jobs")
	}
	return m.jobs[rapid.SampledFrom(slices.Sorted(maps.Keys(m.jobs))).Draw(m.t, "job")]
}

func (m *model) ofBatch(batch string) (list []*modelJob) {
	for _, j := range m.jobs {
		if j.batch == batch {
			list = append(list, j)
		}
	}
	return list
}

// stop is a cancel; it returns whether it did anything.
func (j *modelJob) stop() bool {
	switch {
	case j.state == "pending":
		j.state, j.code = "cancelled", "cancelled"
	case j.state == "running" && (!j.cancel || j.retry != nil):
		j.cancel, j.retry = true, nil
	default:
		return false
	}
	return true
}

func (m *model) cancelJob() {
	j := m.drawJob()
	got := one[bool](m, `SELECT tagexec.cancel_job($1)`, j.id)
	m.t.Logf("cancel job %d → %v", j.id, got)
	if want := j.stop(); got != want {
		m.t.Fatalf("cancel_job returned %v, want %v", got, want)
	}
}

func (m *model) cancelBatch() {
	batch, want := m.drawBatch(), 0
	for _, j := range m.ofBatch(batch) {
		if j.stop() {
			want++
		}
	}
	got := one[int](m, `SELECT tagexec.cancel_batch($1)`, batch)
	m.t.Logf("cancel batch %s → %v", batch, got)
	if got != want {
		m.t.Fatalf("cancel_batch returned %d, want %d", got, want)
	}
}

func (m *model) retryJob() {
	j, want := m.drawJob(), true
	switch {
	case j.final(), j.state == "pending" && (j.failures > 0 || j.code == "unavailable") && !j.due:
		j.again(nil)
	case j.state == "running" && j.cancel && j.retry == nil:
		j.retry = &columns{}
	default:
		want = false
	}
	got := one[bool](m, `SELECT tagexec.retry_job($1)`, j.id)
	m.t.Logf("retry job %d → %v", j.id, got)
	if got != want {
		m.t.Fatalf("retry_job returned %v, want %v", got, want)
	}
}

func (m *model) retryBatch() {
	batch, which := m.drawBatch(), rapid.SampledFrom([]string{"failed", "all"}).Draw(m.t, "which")
	got, err := m.ids(`SELECT tagexec.retry_batch($1, $2)`, batch, which)
	m.t.Logf("retry batch %s %s → %v", batch, which, got)
	if !m.batches[batch] {
		m.refused(err, "P0002")
		return
	}
	m.must(err)
	want := int64(0)
	for _, j := range m.ofBatch(batch) {
		switch {
		case j.state == "failed", j.state == "cancelled", j.state == "succeeded" && which == "all":
			j.again(nil)
		case j.state == "running" && j.cancel && j.retry == nil:
			j.retry = &columns{}
		default:
			continue
		}
		want++
	}
	if got[0] != want {
		m.t.Fatalf("retry_batch returned %d, want %d", got[0], want)
	}
}

func (m *model) changePool() {
	name := rapid.SampledFrom([]string{"two", "two", "open"}).Draw(m.t, "pool")
	p := m.pools[name]
	if name == "open" || rapid.Bool().Draw(m.t, "pause") {
		p.paused = !p.paused
	} else {
		p.slots = rapid.SampledFrom([]int{2, 1, 3, 0, -1}).Draw(m.t, "slots")
	}
	m.t.Logf("pool %s %+v", name, *p)
	m.exec(`UPDATE tagexec.tag_pools SET paused = $2, slots = nullif($3::int, -1) WHERE pool = $1`, name, p.paused, p.slots)
}

// prune deletes what is final, and batches without jobs; an age of an hour
// spares everything.
func (m *model) prune() {
	age := rapid.SampledFrom([]time.Duration{time.Hour, 0}).Draw(m.t, "age")
	var want store.Pruned
	if age == 0 {
		for id, j := range m.jobs {
			if j.final() {
				delete(m.jobs, id)
				maps.DeleteFunc(m.attempts, func(k attemptKey, _ attemptEnd) bool { return k.job == id })
				want.Jobs++
			}
		}
		for batch := range m.batches {
			if len(m.ofBatch(batch)) == 0 {
				delete(m.batches, batch)
				want.Batches++
			}
		}
	}
	want.Executors = one[int64](m, `SELECT count(*) FROM tagexec.tag_executors e WHERE started_at <= now() - $1::interval AND greatest(stopped_at, reaped_at) <= now() - $1::interval
		AND NOT EXISTS (SELECT FROM tagexec.tag_jobs j WHERE j.state = 'running' AND j.executor_id = e.id)`, age)
	got, err := m.store.Prune(m.ctx, age, age)
	m.must(err)
	m.t.Logf("prune %s → %+v", age, got)
	if got != want {
		m.t.Fatalf("pruned %+v, want %+v", got, want)
	}
	// One that is forgotten was reaped long ago, and is asked for nothing again.
	for i, e := range m.executors {
		if !one[bool](m, `SELECT EXISTS (SELECT FROM tagexec.tag_executors WHERE id = $1)`, e.id) {
			m.register(i)
		}
	}
}

// timePasses lets a job become due.
func (m *model) timePasses() {
	j := m.drawJob()
	if j.due || j.state != "pending" {
		m.t.Skip("is due")
	}
	m.becomeDue(j)
}

func (m *model) becomeDue(j *modelJob) {
	m.t.Logf("job %d becomes due", j.id)
	m.exec(`UPDATE tagexec.tag_jobs SET run_at = clock_timestamp() WHERE id = $1`, j.id)
	j.due, j.moved = true, "retry"
}

// overdue lets the deadline of a running job lie far back.
func (m *model) overdue() {
	j := m.drawJob()
	if j.state != "running" {
		m.t.Skip("does not run")
	}
	m.t.Logf("job %d is long past its deadline", j.id)
	m.exec(`UPDATE tagexec.tag_jobs SET deadline_at = now() - interval '2 h' WHERE id = $1`, j.id)
	j.overdue = true
}

func (m *model) must(err error) {
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *model) refused(err error, code string) {
	if got := sqlState(err); got != code {
		m.t.Fatalf("got %q (%v), want it refused with %s", got, err, code)
	}
}

func (m *model) exec(sql string, args ...any) {
	_, err := m.db.Pool.Exec(m.ctx, sql, args...)
	m.must(err)
}

func (m *model) query(sql string, args ...any) pgx.Rows {
	rows, err := m.db.Pool.Query(m.ctx, sql, args...)
	m.must(err)
	return rows
}

func (m *model) ids(sql string, args ...any) ([]int64, error) {
	return pgx.CollectRows(m.query(sql, args...), pgx.RowTo[int64])
}

func (m *model) strings(sql string, args ...any) []string {
	list, err := pgx.CollectRows(m.query(sql, args...), pgx.RowTo[string])
	m.must(err)
	return list
}

func one[T any](m *model, sql string, args ...any) T {
	v, err := pgx.CollectExactlyOneRow(m.query(sql, args...), pgx.RowTo[T])
	m.must(err)
	return v
}
