package page_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/access"
	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// A pool whose name has all that an address may misread is found, and each link of its
// page leads back to it.
func TestAPoolSaysWhoHasItsSlotsAndWhoPausedIt(t *testing.T) {
	t.Parallel()
	const path = "/pools/a%2Fb%20%25%3F%23%20%C3%BC"
	db := storetest.New(t)
	s := open(t, db.URL, access.Operator)
	done := s.post("/do/create-pool", url.Values{"pool": {"a/b %?# ü"}, "slots": {"1"}, "description": {"<i>"}, "reason": {"new"}, "back": {"/pools"}})
	if done.Code != http.StatusSeeOther {
		t.Fatalf("%d: %s", done.Code, done.Body)
	}
	has(t, s.get("/pools"), http.StatusOK, "none is paused", "&lt;i&gt;", path, "!<i>")
	db.Insert(storetest.Row{"pool": "a/b %?# ü", "priority": 7, "batch": "waits"}, storetest.Row{"pool": "a/b %?# ü", "priority": 7, "mutex_key": "k"})
	db.Claimer(store.Executor{}).MustClaim(t, 1)
	s.post("/do/pause-pool", url.Values{"pool": {"a/b %?# ü"}, "reason": {"migration"}, "back": {"/pools"}})
	has(t, s.get(path), http.StatusOK, "Pool a/b %?# ü is paused and 1 job is due in it, since", "(migration)", "/jobs/1", "Resume", "back=%2Fpools%2Fa%252Fb", `<th scope="row">7</th>`)
	has(t, s.get("/pools"), http.StatusOK, "(migration)", "Resume")
	has(t, open(t, db.URL, access.Viewer).get(path), http.StatusOK, "is paused", "!Resume")
	has(t, s.get("/pools/none"), http.StatusNotFound, "There is no pool")
	has(t, s.get("/pools?format=csv"), http.StatusOK, "a/b %?# ü,1,1,1,1,", ",true,<i>")
}

func TestAPoolSaysWhatMoreSlotsWouldDo(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('warehouse', 1)")
	db.Exec("INSERT INTO tagexec.tag_jobs (tag, pool, batch) SELECT 't', 'warehouse', 'nightly' FROM generate_series(1, 40)")
	db.Exec("ALTER TABLE tagexec.tag_jobs DISABLE TRIGGER check_new_jobs")
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag, pool, state, attempt, created_at, run_at, started_at, finished_at, executor_id)
	         SELECT 't', 'warehouse', 'succeeded', 1, now() - i * interval '1 day', now() - i * interval '1 day', now() - i * interval '1 day', now() - i * interval '1 day' + interval '60 s', gen_random_uuid() FROM generate_series(1, 10) i`)
	db.Exec(`INSERT INTO tagexec.tag_executors (id, hostname, pid, version, workers, kinds, lease_seconds) VALUES (gen_random_uuid(), 'h', 1, '', 4, '{sql}', 3600)`)
	s := open(t, db.URL, access.Operator)
	has(t, s.get("/pools/warehouse"), http.StatusOK, "Batches that wait for it", "nightly", "What if", "!Likely as it is")
	has(t, s.get("/pools/warehouse?slots=2"), http.StatusOK, "m 00 s earlier", "Set slots to 2")
	has(t, s.get("/pools/warehouse?slots=1"), http.StatusOK, "about the same")
	has(t, s.get("/pools/warehouse?slots=none"), http.StatusBadRequest, "for 1 to")
}

func TestSlotsAndNamesThatCannotBe(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := open(t, db.URL, access.Operator)
	for want, form := range map[string]url.Values{
		"has 0":                       {"pool": {""}, "slots": {"1"}},
		"already":                     {"pool": {"default"}, "slots": {"none"}},
		"Slots are a whole":           {"pool": {"x"}, "slots": {"99999999999"}},
		"no limit, and &#34;&#34; is": {"pool": {"x"}, "slots": {""}},
	} {
		form.Set("reason", "r")
		has(t, s.post("/do/create-pool", form), http.StatusBadRequest, want)
	}
	has(t, s.get("/do/create-pool?pool=x"), http.StatusOK, `name="description" value="" aria-describedby`, `name="slots" value="" required`)
}
