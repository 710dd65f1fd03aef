package migrations_test

import (
	"testing"

	"github.com/tagexec/tagexec/store/storetest"
)

// What a role may with each schema, table, view, sequence, column and function, by
// itself, as a member of others or as anybody.
const objectRightsSQL = `
WITH objects AS (
    SELECT c.oid, c.relkind, c.relnamespace::regnamespace::text || '.' || c.relname AS name
      FROM pg_class c
     WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p', 'S') AND c.relnamespace IN ('tagexec'::regnamespace, 'tagreport'::regnamespace)
), held (privilege, object) AS (
    SELECT p, 'schema ' || n.nspname
      FROM pg_namespace n CROSS JOIN unnest('{USAGE,CREATE}'::text[]) p
     WHERE n.nspname IN ('tagexec', 'tagreport') AND has_schema_privilege($1, n.oid, p)
    UNION ALL
    SELECT p, o.name
      FROM objects o CROSS JOIN unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) p
     WHERE o.relkind <> 'S' AND has_table_privilege($1, o.oid, p)
    UNION ALL
    SELECT p, o.name
      FROM objects o CROSS JOIN unnest('{USAGE,SELECT,UPDATE}'::text[]) p
     WHERE CASE WHEN o.relkind = 'S' THEN has_sequence_privilege($1, o.oid, p) END
    UNION ALL
    SELECT p || ' (' || string_agg(a.attname, ', ' ORDER BY a.attnum) || ')', o.name
      FROM objects o
      JOIN pg_attribute a ON a.attrelid = o.oid AND a.attnum > 0 AND NOT a.attisdropped
     CROSS JOIN unnest('{SELECT,INSERT,UPDATE,REFERENCES}'::text[]) p
     WHERE o.relkind <> 'S' AND NOT has_table_privilege($1, o.oid, p) AND has_column_privilege($1, o.oid, a.attnum, p)
     GROUP BY p, o.name
    UNION ALL
    SELECT 'EXECUTE', p.pronamespace::regnamespace || '.' || p.proname
      FROM pg_proc p
     WHERE p.pronamespace IN ('tagexec'::regnamespace, 'tagreport'::regnamespace) AND has_function_privilege($1, p.oid, 'EXECUTE')
    UNION ALL
    SELECT 'USAGE', 'type ' || t.oid::regtype
      FROM pg_type t
     WHERE t.typnamespace = 'tagexec'::regnamespace AND t.typrelid NOT IN (SELECT oid FROM objects) AND t.typelem = 0 AND has_type_privilege($1, t.oid, 'USAGE')
)
SELECT privilege || ': ' || string_agg(object, ', ' ORDER BY object COLLATE "C") FROM held GROUP BY privilege ORDER BY privilege COLLATE "C"`

// Each right is here on purpose, and whoever adds an object decides whose it is.
func TestEachRoleMayDoWhatIsStatedAndNothingElse(t *testing.T) {
	t.Parallel()
	const (
		reports = "tagreport.attempts, tagreport.batches, tagreport.executors, tagreport.failure_reasons, tagreport.jobs, tagreport.minutes, tagreport.operator_actions, tagreport.pools, tagreport.queue_now, " +
			"tagreport.tag_daily, tagreport.tag_freshness, tagreport.unwritable_jobs, tagreport.vacuum_blockers"
		calls    = "tagreport.days, tagreport.snapshot_sessions, tagreport.state_of_unwritable_job"
		anybodys = "tagexec.role_rights, tagexec.schema_versions"
		usage    = "USAGE: schema tagexec, schema tagreport, type tagexec.submitted_job"
	)
	db := storetest.New(t)
	stranger, _ := db.Login("")
	for role, want := range map[string][]string{
		stranger: {"SELECT: " + anybodys, "USAGE: type tagexec.submitted_job"},
		"tagexec_analyst": {
			"EXECUTE: tagexec.explain_batch, tagexec.explain_job, " + calls,
			"SELECT: " + anybodys + ", " + reports,
			usage,
		},
		"tagexec_viewer": {
			"EXECUTE: tagexec.explain_batch, tagexec.explain_job, tagexec.live_output, tagexec.watch_output, " + calls,
			"SELECT: tagexec.role_rights, tagexec.schema_versions, tagexec.tag_job_attempts, tagexec.tag_jobs, " + reports,
			usage,
		},
		"tagexec_operator": {
			"EXECUTE: tagexec.cancel_batch, tagexec.cancel_job, tagexec.cancel_jobs, tagexec.drain_executor, tagexec.explain_batch, tagexec.explain_job, tagexec.live_output, tagexec.retry_batch, tagexec.retry_job, tagexec.retry_jobs, tagexec.set_batch_priority, tagexec.watch_output, " + calls,
			"INSERT: tagexec.tag_pools",
			"SELECT: tagexec.role_rights, tagexec.schema_versions, tagexec.tag_job_attempts, tagexec.tag_jobs, tagexec.tag_pools, " + reports,
			"UPDATE (slots, paused, description): tagexec.tag_pools",
			usage,
		},
		"tagexec_producer": {
			"EXECUTE: tagexec.assert_batch_ok, tagexec.batch_settled, tagexec.cancel_batch, tagexec.explain_batch, tagexec.explain_job, tagexec.submit_jobs, " + calls,
			"INSERT (run_at, biz_date, slots, timeout_seconds, priority, max_attempts, tag, kind, pool, batch, dedupe_key, mutex_key, payload): tagexec.tag_jobs",
			"SELECT (id, batch, dedupe_key): tagexec.tag_jobs",
			"SELECT: " + anybodys + ", " + reports,
			usage,
		},
		"tagexec_executor": {
			"DELETE: tagexec.tag_unwritable_jobs",
			"EXECUTE: tagexec.append_live_output, tagexec.assert_batch_ok, tagexec.batch_settled, tagexec.expire_batches, tagexec.explain_batch, tagexec.explain_job, tagexec.forget_live_output, tagexec.is_of_row, tagexec.isolate_jobs, tagexec.isolate_unreadable_jobs, " +
				"tagexec.prune_attempts, tagexec.prune_batches, tagexec.prune_executors, tagexec.prune_jobs, tagexec.resubmit_cancelled, tagexec.try_jobs, tagexec.unreadable_jobs, tagexec.write_minutes, " + calls,
			"INSERT (job_id, error_code, error): tagexec.tag_unwritable_jobs",
			"INSERT: tagexec.tag_executors, tagexec.tag_kinds, tagexec.tag_past_attempts",
			"SELECT: tagexec.attempts, tagexec.batch_locks, tagexec.goose_db_version, tagexec.goose_db_version_id_seq, tagexec.insert_lock, tagexec.kept_rights, tagexec.minutes_written, tagexec.mutex_locks, tagexec.pool_locks, " +
				"tagexec.queue_name, tagexec.role_rights, tagexec.schema_versions, tagexec.tag_batches, tagexec.tag_executors, tagexec.tag_job_attempts, tagexec.tag_jobs, tagexec.tag_jobs_id_seq, tagexec.tag_kinds, tagexec.tag_live_output, tagexec.tag_minutes, " +
				"tagexec.tag_operator_actions, tagexec.tag_operator_actions_id_seq, tagexec.tag_output_watches, tagexec.tag_past_attempts, tagexec.tag_pools, tagexec.tag_unwritable_jobs, " + reports,
			"UPDATE (held): tagexec.mutex_locks, tagexec.pool_locks",
			"UPDATE (run_at, started_at, finished_at, deadline_at, rows_affected, executor_id, attempt, failures, exit_code, crashes, state, result, error_code, error, unavailable_since, attempt_is_past, last_outcome, last_output, last_output_bytes, last_query_id): tagexec.tag_jobs",
			"UPDATE (tried_at, error_code, error): tagexec.tag_unwritable_jobs",
			"UPDATE: tagexec.tag_executors",
			usage,
		},
	} {
		checkSame(t, role, storetest.All[string](db, objectRightsSQL, role), want)
	}
}
