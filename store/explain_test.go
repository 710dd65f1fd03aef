package store_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// plans are the hot statements with arguments for 1,000 jobs, as SQL, and the
// indexes that each must use.
var plans = []struct {
	sql     string
	args    pgx.StrictNamedArgs
	indexes []string
}{
	{store.ClaimLanesSQL, pgx.StrictNamedArgs{"executor": "gen_random_uuid()", "timeout": "60", "n": "1000", "kinds": "'{sql}'", "unavailable": "NULL",
		"pools": "'{default}'", "priorities": "'{5}'", "run_ats": "ARRAY[now() - interval '1 h']", "ids": "'{7}'"},
		[]string{"tag_jobs_lanes", "tag_jobs_pkey"}},
	{store.TakeSQL, pgx.StrictNamedArgs{"executor": "gen_random_uuid()", "timeout": "60", "n": "1000", "kinds": "'{sql}'", "unavailable": "NULL",
		"ids": "'{1,2,3}'", "version": "NULL", "suspect": "false"},
		[]string{"tag_jobs_one_running_per_mutex_key", "tag_jobs_pkey"}},
	{store.FindInLanesSQL, pgx.StrictNamedArgs{"kinds": "'{sql}'", "unavailable": "NULL", "pool": "'default'", "priorities": "'{5}'", "run_ats": "ARRAY[now() - interval '1 h']", "ids": "'{7}'",
		"width": "9", "n": "100"},
		[]string{"tag_jobs_lanes"}},
	{store.FindKeyedSQL, pgx.StrictNamedArgs{"kinds": "'{sql}'", "unavailable": "NULL", "pool": "'default'", "after": "''", "width": "9", "keys": "500"},
		[]string{"tag_jobs_keyed_lanes", "tag_jobs_one_running_per_mutex_key"}},
	{store.TakeKeyedSQL, pgx.StrictNamedArgs{"executor": "gen_random_uuid()", "timeout": "60", "n": "1000", "kinds": "'{sql}'", "unavailable": "NULL", "pool": "'default'", "after": "''", "width": "9", "keys": "500"},
		[]string{"tag_jobs_keyed_lanes", "tag_jobs_one_running_per_mutex_key", "tag_jobs_pkey"}},
	{store.FindInBatchSQL, pgx.StrictNamedArgs{"batch": "'b7'", "pools": "NULL", "kinds": "'{sql}'", "unavailable": "NULL", "n": "1000"},
		[]string{"tag_jobs_one_running_per_mutex_key"}},
	{store.ReadRoomSQL, pgx.StrictNamedArgs{"pool": "'default'", "since": "now()", "late_since": "now()", "late_until": "now()", "reserving": "1", "kinds": "'{sql}'", "batch": "''"},
		[]string{"tag_jobs_running_by_pool", "tag_jobs_pkey", "tag_jobs_one_running_per_mutex_key"}},
	{store.FindReservingSQL, pgx.StrictNamedArgs{"executor": "gen_random_uuid()", "kinds": "'{sql}'", "unavailable": "NULL", "batch": "''", "pool": "'default'"},
		[]string{"tag_jobs_lanes", "tag_jobs_keyed_lanes", "tag_jobs_one_running_per_mutex_key"}},
	{store.ScanLanesSQL, pgx.StrictNamedArgs{"pools": "NULL", "kinds": "'{sql}'", "unavailable": "NULL", "whole": "true", "known": "'{}'", "priorities": "'{}'", "run_ats": "'{}'", "ids": "'{}'"},
		[]string{"tag_jobs_lanes", "tag_jobs_keyed_lanes", "tag_jobs_suspects"}},
	{store.ScanLanesSQL, pgx.StrictNamedArgs{"pools": "NULL", "kinds": "'{sql}'", "unavailable": "NULL", "whole": "false", "known": "'{default}'", "priorities": "'{5}'", "run_ats": "ARRAY[now() - interval '1 h']", "ids": "'{7}'"},
		[]string{"tag_jobs_lanes", "tag_jobs_keyed_lanes", "tag_jobs_suspects"}},
	{store.RecordSQL, pgx.StrictNamedArgs{"ids": "string_to_array(repeat('1,', 999) || '1', ',')::bigint[]", "attempts": "array_fill(1, '{1000}')", "executors": "array_fill(gen_random_uuid(), '{1000}')",
		"outcomes": "array_fill('succeeded'::text, '{1000}')", "permanent": "array_fill(false, '{1000}')", "delays": "array_fill(0::float8, '{1000}')",
		"rows_affected": "array_fill(NULL::bigint, '{1000}')", "exit_codes": "array_fill(NULL::integer, '{1000}')", "values": "array_fill(NULL::text, '{1000}')",
		"error_codes": "array_fill(NULL::text, '{1000}')", "errors": "array_fill(NULL::text, '{1000}')", "outputs": "array_fill(NULL::text, '{1000}')",
		"output_bytes": "array_fill(0::bigint, '{1000}')", "query_ids": "array_fill(NULL::text, '{1000}')", "retries": "false", "clock": "now()", "stepped": "NULL"},
		[]string{"tag_jobs_pkey"}},
	{store.RecordSuccessesSQL, pgx.StrictNamedArgs{"ids": "string_to_array(repeat('1,', 999) || '1', ',')::bigint[]", "attempts": "array_fill(1, '{1000}')", "executors": "array_fill(gen_random_uuid(), '{1000}')",
		"rows_affected": "array_fill(NULL::bigint, '{1000}')", "exit_codes": "array_fill(NULL::integer, '{1000}')", "values": "array_fill(NULL::text, '{1000}')",
		"outputs": "array_fill(NULL::text, '{1000}')", "output_bytes": "array_fill(0::bigint, '{1000}')", "query_ids": "array_fill(NULL::text, '{1000}')"},
		[]string{"tag_jobs_pkey"}},
	{store.ClaimLanesSQL, pgx.StrictNamedArgs{"executor": "gen_random_uuid()", "timeout": "60", "n": "1000", "kinds": "'{sql}'", "unavailable": unavailable,
		"pools": "'{default}'", "priorities": "'{5}'", "run_ats": "ARRAY[now() - interval '1 h']", "ids": "'{7}'"},
		[]string{"tag_jobs_lanes", "tag_jobs_pkey"}},
	{store.TakeKeyedSQL, pgx.StrictNamedArgs{"executor": "gen_random_uuid()", "timeout": "60", "n": "1000", "kinds": "'{sql}'", "unavailable": unavailable, "pool": "'default'", "after": "''", "width": "9", "keys": "500"},
		[]string{"tag_jobs_keyed_lanes", "tag_jobs_one_running_per_mutex_key", "tag_jobs_pkey"}},
	{store.GiveUpSQL, pgx.StrictNamedArgs{"executor": "gen_random_uuid()", "timeout": "60", "pools": "NULL", "batch": "''", "unavailable": unavailable},
		[]string{"tag_jobs_lanes", "tag_jobs_keyed_lanes", "tag_jobs_pkey"}},
	{store.RunningSQL, nil, []string{"tag_jobs_running_by_pool", "tag_output_watches_by_end"}},
	{store.QueueNowSQL, pgx.StrictNamedArgs{"pools": "200"}, []string{"tag_jobs_lanes", "tag_jobs_keyed_lanes", "tag_jobs_running_by_pool", "tag_executors_alive", "tag_batches_by_creation"}},
	{store.SignsSQL, pgx.StrictNamedArgs{"default_lease": "30"}, []string{"tag_jobs_running_by_pool"}},
}

// unavailable is what an executor with one closed source sends.
const unavailable = `'[{"kind": "sql", "resource": "x", "field": "source", "pattern": "^x$", "seconds": 9, "error": "e"}]'`

// prepared returns a statement with numbered parameters, and its arguments.
func prepared(t *testing.T, sql string, args pgx.StrictNamedArgs) (numbered, list string) {
	t.Helper()
	if sql == store.RunningSQL {
		return sql, "gen_random_uuid()"
	}
	numbered, values, err := args.RewriteQuery(t.Context(), nil, sql, nil)
	if err != nil {
		t.Fatalf("%s\n%v", sql, err)
	}
	for i, value := range values {
		if i > 0 {
			list += ", "
		}
		list += fmt.Sprint(value)
	}
	return numbered, list
}

// sorted is a scan that sorts where it should stop: all keys for each key, or
// all pending jobs for the first.
var sorted = regexp.MustCompile(`Sort Key: (tag_jobs\w*\.mutex_key|q\.pool)`)

// greedy is a scan that locks the key of each job that it passes on its way to
// the candidates.
var greedy = regexp.MustCompile(`Filter: .*CASE WHEN .*mutex_key IS NULL.*SubPlan.*\bid = ANY`)

func TestExplainHotStatementsUseTheirIndexes(t *testing.T) {
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
				sql, args := prepared(t, p.sql, p.args)
				exec(fmt.Sprintf("PREPARE p%d AS %s", i, sql))
				for _, mode := range []string{"force_generic_plan", "force_custom_plan"} {
					exec("SET plan_cache_mode = " + mode)
					plan := strings.Join(exec(fmt.Sprintf("EXPLAIN EXECUTE p%d (%s)", i, args)), "\n")
					bad := strings.Contains(plan, "Seq Scan on tag_jobs") || greedy.MatchString(plan) ||
						p.sql != store.FindInBatchSQL && sorted.MatchString(plan) // it reads and sorts its whole batch
					for _, index := range p.indexes {
						bad = bad || !strings.Contains(plan, index)
					}
					if bad {
						name, _, _ := strings.Cut(p.sql, "\n")
						t.Errorf("%s, %s:\n%s", name, mode, plan)
					}
				}
			}
		})
	}
}
