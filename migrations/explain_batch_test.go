package migrations_test

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// sentences are those of explain_job, with the word of explain_batch for each.
var sentences = []struct{ pattern, reason string }{
	{"^there is no job|^(succeeded|failed|cancelled) at ", ""},
	{"Postgres refuses to change its row", "unwritable"},
	{"^its batch was over", "expired"},
	{"nothing was heard of that executor", "executor_silent"},
	{"it was asked to stop|it is being cancelled", "cancelling"},
	{"^running on ", "running"},
	{`^not due until .* \((failure|nothing ran)`, "retry_delay"},
	{"^not due until", "not_due"},
	{"^there is no pool", "no_pool"},
	{"is paused$", "pool_paused"},
	{"^needs ", "too_wide"},
	{"^no live executor", "no_executor"},
	{"^no executor can run it", "unavailable"},
	{"^mutex key|same mutex key", "mutex_key"},
	{"^pool .* is full", "pool_full"},
	{"to run alone$", "suspect"},
	{"^waiting behind job .* slots? of pool", "behind_wide_job"},
	{"^waiting for .* slots? of pool", "pool_full"},
	{"waiting for its turn", "turn"},
}

// agreesOnBatch fails the test if explain_batch names another cause for the job than
// explain_job did.
func (s scene) agreesOnBatch(id int64, said string) {
	s.Helper()
	var want string
	for _, sentence := range sentences {
		if regexp.MustCompile(sentence.pattern).MatchString(said) {
			want = sentence.reason
			break
		}
	}
	s.db.Exec("INSERT INTO tagexec.tag_batches (batch) VALUES ('explained') ON CONFLICT DO NOTHING")
	s.db.Exec("UPDATE tagexec.tag_jobs SET batch = 'explained' WHERE id = $1 AND batch IS NULL", id)
	got := storetest.All[string](s.db, `SELECT b.reason FROM tagexec.tag_jobs j CROSS JOIN tagexec.explain_batch(j.batch) b WHERE j.id = $1 AND b.example_job_id = j.id`, id)
	if fmt.Sprint(got) != fmt.Sprintf("[%s]", want) {
		s.Errorf("explain_batch says %q of the job, want %q: %s", got, want, said)
	}
}

// told is what explain_batch says, a line for each cause.
func told(db *storetest.DB, batch string) []string {
	return storetest.All[string](db, `SELECT concat_ws('|', reason, jobs, example_job_id - (SELECT min(id) FROM tagexec.tag_jobs), coalesce(ahead::text, '-'), detail) FROM tagexec.explain_batch($1)`, batch)
}

func TestExplainBatchCountsTheJobsByCause(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('two', 2), ('shut', NULL)")
	db.Exec("SELECT set_config('tagexec.reason', 'migration', true), set_config('tagexec.ui_user', 'bo', true); UPDATE tagexec.tag_pools SET paused = true WHERE pool = 'shut'")
	c := db.Claimer(store.Executor{Kinds: []string{"sql"}, Workers: 8})
	db.Insert(storetest.Row{"pool": "two", "tag": "first", "batch": "theirs"}, storetest.Row{"pool": "two", "mutex_key": "k", "tag": "holder", "batch": "theirs"}) // run
	c.MustClaim(t, 2)
	for _, row := range []storetest.Row{
		{"pool": "two", "batch": "theirs", "priority": 9}, // ahead of all
		{"pool": "two", "batch": "mine"},
		{"pool": "two", "batch": "theirs", "mutex_key": "z"}, // ahead of the last one
		{"pool": "two", "batch": "mine"},
		{"pool": "two", "batch": "theirs"},                         // behind
		{"pool": "two", "batch": "theirs", "run_at": "2040-01-01"}, // not due
		{"pool": "shut", "batch": "mine"},
		{"batch": "mine", "run_at": "2040-01-01 00:00:00+00"},
		{"batch": "mine", "mutex_key": "k"},
		{"batch": "mine", "mutex_key": "k"},
		{"batch": "mine", "mutex_key": "k"},
		{"batch": "mine", "kind": "http"},
	} {
		db.Insert(row) // one by one: each has its own run_at
	}
	db.Exec("SET timezone = 'UTC'")
	want := []string{
		"mutex_key|3|10|-|mutex key k, held by job %d (holder)",
		"pool_full|2|3|2|pool two is full: 2 of 2 slots are in use",
		"no_executor|1|13|-|no live executor for kind http and pool default",
		"not_due|1|9|-|not due, next at 2040-01-01 00:00:00+00",
		"pool_paused|1|8|0|pool shut is paused since ",
	}
	want[0] = fmt.Sprintf(want[0], storetest.One[int64](db, "SELECT id FROM tagexec.tag_jobs WHERE tag = 'holder'"))
	got := told(db, "mine")
	if len(got) != len(want) {
		t.Fatalf("got %q", got)
	}
	for i := range want {
		if i < len(want)-1 && got[i] != want[i] {
			t.Errorf("got  %s\nwant %s", got[i], want[i])
		}
	}
	if last := regexp.MustCompile(`^pool_paused\|1\|8\|0\|pool shut is paused since [^ ]+ [^ ]+ by bo \(migration\)$`); !last.MatchString(got[len(got)-1]) {
		t.Errorf("got %s", got[len(got)-1])
	}
	storetest.Check(t, "settled", told(db, storetest.One[string](db, "SELECT (tagexec.submit_jobs('empty', '[]'))->>'batch'")), "[]")
	_, err := db.Pool.Exec(t.Context(), "SELECT tagexec.explain_batch('nobody')")
	storetest.Check(t, "code for an unknown batch", storetest.PgError(t, err).Code, "P0002")
}

// Many keys are not many rows.
func TestExplainBatchNamesFiveKeys(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c := db.Claimer(store.Executor{Kinds: []string{"sql"}, Workers: 20})
	db.Exec("INSERT INTO tagexec.tag_jobs (tag, batch, mutex_key) SELECT 't', 'mine', 'k' || i % 8 FROM generate_series(1, 20) i")
	c.MustClaim(t, 8)
	reasons := storetest.All[string](db, "SELECT reason || ' ' || jobs || CASE WHEN detail LIKE '%other mutex keys%' THEN ' ' || detail ELSE '' END FROM tagexec.explain_batch('mine')")
	storetest.Check(t, "rows", reasons, "[mutex_key 3 3 other mutex keys that are held, or whose turn others have mutex_key 2 mutex_key 2 mutex_key 2 mutex_key 2 mutex_key 1 running 8]")
}

// Counts of one are said as such, and rows that differ by their pool alone name it.
func TestExplainBatchTellsRowsApart(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('one', 1), ('other', NULL)")
	c := db.Claimer(store.Executor{Kinds: []string{"sql"}, Workers: 1})
	db.Insert(storetest.Row{"pool": "one", "batch": "theirs"})
	c.MustClaim(t, 1)
	db.Insert(storetest.Row{"batch": "mine"})
	storetest.Check(t, "one pool", told(db, "mine"), "[turn|1|1|0|their turn: 1 job runs on the 1 worker that takes such jobs]")
	storetest.Check(t, "a job", storetest.One[string](db, "SELECT tagexec.explain_job(2)"), "due, and waiting for its turn: 1 job runs on the 1 worker that takes such jobs")
	db.Insert(storetest.Row{"batch": "mine", "pool": "other"})
	db.Insert(storetest.Row{"batch": "mine", "pool": "one"})
	storetest.Check(t, "three pools", told(db, "mine"), "[pool_full|1|3|0|pool one is full: 1 of 1 slot is in use "+
		"turn|1|1|0|their turn in pool default: 1 job runs on the 1 worker that takes such jobs turn|1|2|0|their turn in pool other: 1 job runs on the 1 worker that takes such jobs]")
	storetest.Check(t, "a job of a full pool", storetest.One[string](db, "SELECT tagexec.explain_job(4)"), "pool one is full: 1 of 1 slot is held by job 1 (t)")
}
