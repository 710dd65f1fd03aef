package doctor_test

import (
	"strings"
	"testing"

	"github.com/tagexec/tagexec/store/doctor"
	"github.com/tagexec/tagexec/store/storetest"
)

// An index that does not know a row hides it from claims, and no error tells.
func TestDiagnoseNamesAnIndexThatMissesAJob(t *testing.T) {
	t.Parallel()
	const ready = "UPDATE pg_index SET indisready = $1, indisvalid = $1 WHERE indexrelid = ('tagexec.' || $2::text)::regclass"
	for _, tt := range []struct{ index, state, key string }{
		{"tag_jobs_pkey", "pending", ""},
		{"tag_jobs_lanes", "pending", ""},
		{"tag_jobs_keyed_lanes", "pending", "k"},
		{"tag_jobs_running_by_pool", "running", ""},
		{"tag_jobs_one_running_per_mutex_key", "running", "k"},
	} {
		t.Run(tt.index, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			insert := func(key string) {
				db.Exec(`INSERT INTO tagexec.tag_jobs (tag, state, mutex_key, attempt, attempt_is_past, executor_id, started_at, deadline_at)
					VALUES ('t', $1, nullif($2, ''), 1, true, gen_random_uuid(), now(), now())`, tt.state, key)
			}
			db.Exec(ready, false, tt.index)
			insert(tt.key)
			db.Exec(ready, true, tt.index)
			insert("")
			insert("other")
			look := func() (d doctor.Diagnosis) {
				list, err := doctor.Diagnose(t.Context(), db.URL, maxAge)
				if err != nil {
					t.Fatal(err)
				}
				for _, one := range list {
					if one.Check == "indexes" {
						d = one
					}
				}
				return d
			}
			if d := look(); d.Level != doctor.Finding || !strings.HasSuffix(d.Detail, "does not know 1 unfinished jobs, which may wait for ever and keep others waiting; one is job 1") ||
				!strings.Contains(d.Detail, tt.index) || !strings.Contains(d.Remedy, tt.index) {
				t.Errorf("doctor says %+v", d)
			}
			db.Exec("REINDEX INDEX tagexec." + tt.index)
			if d := look(); d.Level != doctor.OK {
				t.Errorf("after REINDEX doctor says %+v", d)
			}
			db.Exec("TRUNCATE tagexec.tag_jobs")
		})
	}
}
