package store_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// plans are the hot statements with arguments for 1,000 jobs, and the index
// that each must use.
var plans = []struct {
	name, sql, types, args string
	indexes                []string
}{
	{"claim", store.ClaimLanesSQL, "uuid, float8, bigint, text[], text[], smallint[], timestamptz[], bigint[]",
		"gen_random_uuid(), 60, 1000, '{sql}', '{default}', '{5}', ARRAY[now() - interval '1 h'], '{7}'", []string{"tag_jobs_lanes", "tag_jobs_pkey"}},
	{"claim few", store.ClaimFewSQL, "uuid, float8, bigint, text[], text[]", "gen_random_uuid(), 60, 1000, '{sql}', NULL",
		[]string{"tag_jobs_lanes", "tag_jobs_keyed_lanes", "tag_jobs_suspects", "tag_jobs_pkey"}},
	{"claim keyed", store.ClaimKeyedSQL, "uuid, float8, bigint, text[], text, text, bigint",
		"gen_random_uuid(), 60, 100, '{sql}', 'default', '', 500", []string{"tag_jobs_keyed_lanes", "tag_jobs_one_running_per_mutex_key", "tag_jobs_pkey"}},
	{"claim limited", store.ClaimLimitedSQL, "uuid, float8, bigint, text[], text, timestamptz, bigint, text, timestamptz, timestamptz, smallint[], timestamptz[], bigint[], boolean, text, bigint",
		"gen_random_uuid(), 60, 100, '{sql}', 'default', now(), 1, '', now(), now(), '{5}', '{NULL}', '{0}', true, '', 500", []string{"tag_jobs_lanes", "tag_jobs_keyed_lanes", "tag_jobs_running_by_pool", "tag_jobs_one_running_per_mutex_key", "tag_jobs_pkey"}},
	{"find reserving job", store.ReservingSQL, "uuid, text[], text, text", "gen_random_uuid(), '{sql}', '', 'default'", []string{"tag_jobs_lanes", "tag_jobs_keyed_lanes", "tag_jobs_one_running_per_mutex_key"}},
	{"record", store.RecordSQL, "bigint[], integer[], uuid[], text[], boolean[], float8[], bigint[], integer[], text[], text[], text[], text[], bigint[], boolean, text",
		"string_to_array(repeat('1,', 999) || '1', ',')::bigint[], array_fill(1, '{1000}'), array_fill(gen_random_uuid(), '{1000}'), array_fill('succeeded'::text, '{1000}'), array_fill(false, '{1000}'), array_fill(0::float8, '{1000}'), array_fill(NULL::bigint, '{1000}'), array_fill(NULL::integer, '{1000}'), array_fill(NULL::text, '{1000}'), array_fill(NULL::text, '{1000}'), array_fill(NULL::text, '{1000}'), array_fill(NULL::text, '{1000}'), array_fill(0::bigint, '{1000}'), false, 'h'",
		[]string{"tag_jobs_pkey"}},
	{"read back", store.RunningSQL, "uuid", "gen_random_uuid()", []string{"tag_jobs_running_by_"}}, // while nothing runs both cost the same
	{"survey", store.SurveySQL, "text[], text[]", "NULL, '{sql}'", []string{"tag_jobs_lanes", "tag_jobs_keyed_lanes"}},
	{"survey known lanes", store.RecallSQL, "text[], text[], text[], smallint[], timestamptz[], bigint[]", "NULL, '{sql}', '{default}', '{5}', ARRAY[now() - interval '1 h'], '{7}'",
		[]string{"tag_jobs_lanes", "tag_jobs_keyed_lanes"}},
	{"survey batch", store.SurveyBatchSQL, "text[], text[], text", "NULL, '{sql}', 'b7'", nil},
	{"claim batch", store.ClaimBatchSQL, "uuid, float8, bigint, text[], text, text[]", "gen_random_uuid(), 60, 1000, '{sql}', 'b7', NULL", []string{"tag_jobs_pkey"}},
	{"claim batch keyed", store.ClaimBatchKeyedSQL, "uuid, float8, bigint, text[], text, text[]", "gen_random_uuid(), 60, 1000, '{sql}', 'b7', NULL", []string{"tag_jobs_one_running_per_mutex_key", "tag_jobs_pkey"}},
	{"find orphans", store.OrphansSQL, "float8", "60", []string{"tag_jobs_running_by_executor"}},
}

// sorted is a scan that sorts where it should stop: all keys for each key, or
// all pending jobs for the first.
var sorted = regexp.MustCompile(`Sort Key: (tag_jobs\w*\.mutex_key|q\.pool)`)

// greedy is a scan that locks the key of each job that it passes on its way to
// the candidates.
var greedy = regexp.MustCompile(`Filter: .*pg_try_advisory_xact_lock.*\bid = ANY`)

func TestTheHotStatementsUseTheirIndexes(t *testing.T) {
	t.Parallel()
	const pending = `INSERT INTO tagexec.tag_jobs (tag, batch, dedupe_key, mutex_key) SELECT 't', 'b' || i % 10, 'k' || i, CASE WHEN i % 10 = 0 THEN 'm' || i % 100 END FROM generate_series(1, 10000) i`
	const finish = `UPDATE tagexec.tag_jobs SET state = 'succeeded', attempt = 0, finished_at = now() WHERE id %% 100 < %d`
	for _, tt := range []struct {
		name string
		fill []string
	}{
		{"an empty table", nil},
		{"an empty table with statistics", []string{"VACUUM ANALYZE tagexec.tag_jobs"}},
		{"10,000 pending jobs", []string{pending}},
		{"10,000 pending jobs with statistics", []string{pending, "VACUUM ANALYZE tagexec.tag_jobs"}},
		{"half finished", []string{pending, fmt.Sprintf(finish, 50)}},
		{"half finished with statistics", []string{pending, fmt.Sprintf(finish, 50), "VACUUM ANALYZE tagexec.tag_jobs"}},
		{"all finished", []string{pending, fmt.Sprintf(finish, 100)}},
		{"all finished with statistics", []string{pending, fmt.Sprintf(finish, 100), "VACUUM ANALYZE tagexec.tag_jobs"}},
		{"pending again, with statistics of a table where all was finished", []string{pending, fmt.Sprintf(finish, 100), "VACUUM ANALYZE tagexec.tag_jobs", "UPDATE tagexec.tag_jobs SET state = 'pending', finished_at = NULL"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			db.Exec("ALTER TABLE tagexec.tag_jobs SET (autovacuum_enabled = false)")
			for _, sql := range tt.fill {
				db.Exec(sql)
			}
			db.Allow("last_outcome")
			conn := db.Conn().PgConn()
			exec := func(sql string) (lines []string) {
				t.Helper()
				results, err := conn.Exec(t.Context(), sql).ReadAll()
				if err != nil {
					t.Fatalf("%s\n%v", sql, err)
				}
				for _, row := range results[0].Rows {
					lines = append(lines, string(row[0]))
				}
				return lines
			}
			exec("SET enable_seqscan = off") // as the sessions of Store do; behind a pooler, plans are custom
			for i, p := range plans {
				exec(fmt.Sprintf("PREPARE p%d (%s) AS %s", i, p.types, p.sql))
				for _, mode := range []string{"force_generic_plan", "force_custom_plan"} {
					exec("SET plan_cache_mode = " + mode)
					plan := strings.Join(exec(fmt.Sprintf("EXPLAIN EXECUTE p%d (%s)", i, p.args)), "\n")
					bad := strings.Contains(plan, "Seq Scan on tag_jobs") || sorted.MatchString(plan) || greedy.MatchString(plan)
					for _, index := range p.indexes {
						bad = bad || !strings.Contains(plan, index)
					}
					if bad {
						t.Errorf("%s, %s:\n%s", p.name, mode, plan)
					}
				}
			}
		})
	}
}
