package migrations_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// Batches have no owner. Who makes the job of another run again, or changes what
// it does, is on record with what it was.
func TestSubmitJobsPutsWhatBecomesOfTheJobsOfOthersOnRecord(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	a, urlA := db.Login("tagexec_producer")
	b, urlB := db.Login("tagexec_producer")
	connA, connB, c := storetest.Dial(t, urlA), storetest.Dial(t, urlB), db.Claimer(store.Executor{})
	may(t, connA, `SELECT tagexec.submit_jobs('b', '[{"tag": "t", "dedupe_key": "k", "payload": {"n": 1}, "mutex_key": "m"}, {"tag": "same"}]')`)
	c.End(t, store.Succeeded, c.MustClaim(t, 2)...)
	may(t, connB, `SELECT tagexec.submit_jobs('b', '[{"tag": "u", "dedupe_key": "k", "payload": {"n": 2}, "priority": 9}, {"tag": "same"}]', '{}', 'attach')`)
	storetest.Check(t, "on record after attach", storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_operator_actions"), 0)
	may(t, connB, `SELECT tagexec.submit_jobs('b', '[{"tag": "u", "dedupe_key": "k", "payload": {"n": 2}, "priority": 9}, {"tag": "same"}, {"tag": "new"}]', '{}', 'rerun_all')`)
	id := storetest.One[int64](db, "SELECT id FROM tagexec.tag_jobs WHERE dedupe_key = 'k'")
	const columns = "SELECT concat_ws(' ', by, action, batch, before, '->', after) FROM "
	storetest.Check(t, "on record", storetest.All[string](db, columns+"tagexec.tag_operator_actions"), fmt.Sprintf(
		`[%s submit_jobs b {"columns": {"%d": {"tag": "t", "priority": 5, "mutex_key": "m"}}, "context": {}, "payloads": {"%[2]d": {"n": 1}}, "succeeded": 2} -> `+
			`{"changed": 1, "columns": {"%[2]d": {"tag": "u", "priority": 9, "mutex_key": null}}, "context": {}, "payloads": {"%[2]d": {"n": 2}}, "requeued": 2, "on_existing": "rerun_all"}]`, b, id))
	// Analysts see everything but the payloads.
	if got := storetest.One[string](db, columns+"tagreport.operator_actions"); strings.Contains(got, "payload") || !strings.Contains(got, `"mutex_key": "m"`) {
		t.Errorf("the view shows %s", got)
	}
	storetest.Check(t, "created by", storetest.One[string](db, "SELECT created_by::text FROM tagexec.tag_jobs WHERE id = $1", id), a)

	// What a cancelled job takes once its attempt has ended is on record as well.
	db.Claimer(store.Executor{}).MustClaim(t, 3)
	may(t, connA, "SELECT tagexec.cancel_batch('b')")
	may(t, connA, `SELECT tagexec.submit_jobs('b', '[{"tag": "t", "dedupe_key": "k"}]')`)
	if list := storetest.All[string](db, columns+"tagexec.tag_operator_actions ORDER BY id"); len(list) != 3 || !strings.Contains(list[2], `"running": 1`) || !strings.Contains(list[2], `{"tag": "t", "priority": 5}`) {
		t.Errorf("on record: %q", list)
	}
}

// One row a call, of bounded size, whatever the size of the batch and its payloads.
func TestSubmitJobsKeepsTheRecordOfALargeResubmissionShort(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	jobs := func(payload, kind string) string {
		return fmt.Sprintf(`SELECT tagexec.submit_jobs('b', jsonb_agg(jsonb_build_object('tag', i, 'kind', '%s', 'payload', jsonb_build_object('x', repeat('%s', 2000)))), '{}', 'rerun_all') FROM generate_series(1, 10000) i`, kind, payload)
	}
	db.Exec(jobs("a", "sql"))
	db.Exec("SELECT tagexec.cancel_batch('b')")
	db.Exec(jobs("b", "http"))
	got := storetest.One[string](db, `SELECT concat_ws(' ', before ->> 'cancelled', after ->> 'requeued', after ->> 'changed',
		(SELECT count(*) FROM jsonb_object_keys(before -> 'columns')), (SELECT count(*) FROM jsonb_object_keys(after -> 'payloads')),
		(SELECT min(value) FROM jsonb_each_text(before -> 'payloads')) LIKE '2009 bytes, sha256 %', octet_length(before::text) + octet_length(after::text) < 50000)
		FROM tagexec.tag_operator_actions WHERE action = 'submit_jobs'`)
	storetest.Check(t, "on record", got, "10000 10000 10000 100 100 t t")
}

// What a batch is for, when it is over and whether it is cancelled has no owner either.
// The tries of one task are no news.
func TestSubmitJobsPutsWhatBecomesOfABatchOnRecord(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	_, urlA := db.Login("tagexec_producer")
	b, urlB := db.Login("tagexec_producer")
	connA, connB := storetest.Dial(t, urlA), storetest.Dial(t, urlB)
	submit := func(context string) string {
		return fmt.Sprintf(`SELECT tagexec.submit_jobs('b', '[{"tag": "t"}]', '%s', 'attach')`, context)
	}
	recorded := func() []string {
		return storetest.All[string](db, "SELECT concat_ws(' ', by, action, batch, before -> 'context', '->', after -> 'context') FROM tagreport.operator_actions ORDER BY id")
	}
	for try := range 3 {
		may(t, connA, submit(fmt.Sprintf(`{"dag_id": "d", "run_id": "r", "try_number": %d, "log_url": "https://a/%[1]d", "due_at": "2100-01-01T00:00:00Z", "expires_at": "2100-01-02T00:00:00Z"}`, try)))
	}
	storetest.Check(t, "after three tries", len(recorded()), 0)
	may(t, connB, submit(`{"dag_id": "e", "log_url": "https://b", "expires_at": "2026-01-01T00:00:00Z"}`))
	may(t, connB, submit(`{"due_at": "2200-01-01T00:00:00Z"}`))
	may(t, connA, "SELECT tagexec.cancel_batch('b', 'stop')")
	may(t, connB, submit(`{}`))
	actions := recorded()
	if len(actions) != 4 {
		t.Fatalf("on record: %q", actions)
	}
	for i, want := range map[int]string{
		0: `submit_jobs b {"dag_id": "d", "log_url": "https://a/2", "expires_at": "2100-01-02T00:00:00+00:00"} -> {"dag_id": "e", "log_url": "https://b", "expires_at": "2026-01-01T00:00:00+00:00"}`,
		1: `submit_jobs b {"due_at": "2100-01-01T00:00:00+00:00", "expires_at": "2026-01-01T00:00:00+00:00"} -> {"due_at": "2200-01-01T00:00:00+00:00", "expires_at": null}`,
	} {
		storetest.Check(t, "on record", actions[i], b+" "+want)
	}
	if !strings.Contains(actions[3], `"cancel_reason": "stop"`) {
		t.Errorf("on record: %s", actions[3])
	}

	// Also where only rows were inserted.
	may(t, connA, "INSERT INTO tagexec.tag_jobs (tag, batch) VALUES ('t', 'c')")
	may(t, connB, `SELECT tagexec.submit_jobs('c', '[]', '{"expires_at": "2026-01-01T00:00:00Z"}')`)
	if got := recorded()[4]; !strings.Contains(got, `submit_jobs c {"expires_at": null} -> {"expires_at": "2026-01-01T00:00:00+00:00"}`) {
		t.Errorf("on record: %s", got)
	}
}

// A job that a submission puts off is on record with the time.
func TestSubmitJobsPutsAPutOffJobOnRecord(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	const submit = `SELECT tagexec.submit_jobs('b', '[{"tag": "t"%s}]', '{}', 'rerun_all')`
	db.Exec(fmt.Sprintf(submit, ""))
	db.Exec("UPDATE tagexec.tag_jobs SET run_at = '2026-01-01T00:00:00Z'")
	db.Exec("SELECT tagexec.cancel_batch('b')")
	db.Exec(fmt.Sprintf(submit, `, "run_at": "2200-01-01T00:00:00Z"`))
	storetest.Check(t, "on record", storetest.One[string](db, "SELECT concat_ws(' ', value, after ->> 'changed') FROM tagexec.tag_operator_actions, jsonb_each(after -> 'columns') WHERE action = 'submit_jobs'"),
		`{"run_at": "2200-01-01T00:00:00+00:00"} 1`)
}

// A retry that takes its end from a batch says so.
func TestARetryPutsTheEndThatItTakesOnRecord(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for _, retry := range []string{"retry_batch('b')", "retry_job((SELECT id FROM tagexec.tag_jobs))"} {
		db.Exec(`SELECT tagexec.submit_jobs('b', '[{"tag": "t"}]', '{"expires_at": "2026-01-01T00:00:00Z"}', 'attach')`)
		db.Exec("SELECT tagexec.expire_batches()")
		db.Exec("SELECT tagexec." + retry)
		storetest.Check(t, retry, storetest.One[string](db, "SELECT concat(before -> 'expires_at', after -> 'expires_at') FROM tagexec.tag_operator_actions ORDER BY id DESC LIMIT 1"),
			`"2026-01-01T00:00:00+00:00"null`)
	}
}
