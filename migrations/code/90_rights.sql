-- Who may do what, stated once: grant_roles grants it, doctor compares it with what
-- is granted. Column rights have a row for each column.
CREATE OR REPLACE VIEW tagexec.role_rights AS
WITH stated (roles, privilege, kind, schema, names, columns) AS ( -- names null: all of that kind in the schema
    VALUES
    ('{tagexec_producer,tagexec_executor,tagexec_operator,tagexec_viewer,tagexec_analyst}'::text[], 'USAGE', 'schema', 'tagreport', NULL::text[], NULL::text[]),
    ('{tagexec_producer,tagexec_executor,tagexec_operator,tagexec_viewer,tagexec_analyst}', 'SELECT',  'table',    'tagreport', NULL, NULL),
    ('{tagexec_producer,tagexec_executor,tagexec_operator,tagexec_viewer,tagexec_analyst}', 'EXECUTE', 'function', 'tagreport', NULL, NULL), -- views call functions as their reader
    ('{tagexec_producer,tagexec_executor,tagexec_operator,tagexec_viewer,tagexec_analyst}', 'USAGE',   'schema',   'tagexec',   NULL, NULL),
    ('{tagexec_producer,tagexec_executor,tagexec_operator,tagexec_viewer,tagexec_analyst}', 'EXECUTE', 'function', 'tagexec',   '{explain_job,explain_batch}', NULL),

    ('{tagexec_producer}', 'INSERT',  'table',    'tagexec', '{tag_jobs}', '{tag,kind,payload,batch,biz_date,dedupe_key,pool,slots,priority,mutex_key,run_at,timeout_seconds,max_attempts}'),
    ('{tagexec_producer}', 'SELECT',  'table',    'tagexec', '{tag_jobs}', '{id,batch,dedupe_key}'),
    ('{tagexec_producer}', 'EXECUTE', 'function', 'tagexec', '{submit_jobs,batch_settled,assert_batch_ok,cancel_batch}', NULL),

    ('{tagexec_executor}', 'SELECT',  'table',    'tagexec', NULL, NULL),
    ('{tagexec_executor}', 'UPDATE',  'table',    'tagexec', '{tag_jobs}', '{state,attempt,failures,crashes,executor_id,started_at,finished_at,deadline_at,run_at,unavailable_since,rows_affected,exit_code,result,error_code,error,attempt_is_past,last_outcome,last_output,last_output_bytes,last_query_id}'),
    ('{tagexec_executor}', 'INSERT',  'table',    'tagexec', '{tag_past_attempts,tag_kinds,tag_executors}', NULL),
    ('{tagexec_executor}', 'UPDATE',  'table',    'tagexec', '{tag_executors}', NULL),
    ('{tagexec_executor}', 'INSERT',  'table',    'tagexec', '{tag_unwritable_jobs}', '{job_id,error_code,error}'), -- not who reported it
    ('{tagexec_executor}', 'UPDATE',  'table',    'tagexec', '{tag_unwritable_jobs}', '{tried_at,error_code,error}'),
    ('{tagexec_executor}', 'DELETE',  'table',    'tagexec', '{tag_unwritable_jobs}', NULL),
    ('{tagexec_executor}', 'UPDATE',  'table',    'tagexec', '{pool_locks,mutex_locks}', '{held}'), -- the right to lock a row
    ('{tagexec_executor}', 'EXECUTE', 'function', 'tagexec', '{batch_settled,assert_batch_ok,resubmit_cancelled,expire_batches,write_minutes,prune_jobs,prune_attempts,prune_batches,prune_executors,is_of_row,try_jobs,isolate_jobs,unreadable_jobs,isolate_unreadable_jobs,append_live_output,forget_live_output}', NULL),

    ('{tagexec_viewer,tagexec_operator}', 'SELECT', 'table', 'tagexec', '{tag_jobs,tag_job_attempts}', NULL),
    ('{tagexec_viewer,tagexec_operator}', 'EXECUTE', 'function', 'tagexec', '{watch_output,live_output}', NULL),

    ('{tagexec_operator}', 'SELECT',  'table',    'tagexec', '{tag_pools}', NULL),
    ('{tagexec_operator}', 'INSERT',  'table',    'tagexec', '{tag_pools}', NULL),
    ('{tagexec_operator}', 'UPDATE',  'table',    'tagexec', '{tag_pools}', '{slots,paused,description}'),
    ('{tagexec_operator}', 'EXECUTE', 'function', 'tagexec', '{cancel_batch,retry_batch,cancel_job,retry_job,cancel_jobs,retry_jobs,set_batch_priority,drain_executor}', NULL)
), objects (kind, schema, name, oid, object) AS (
    SELECT 'schema', n.nspname, n.nspname, n.oid, quote_ident(n.nspname)
      FROM pg_catalog.pg_namespace n
    UNION ALL
    SELECT 'table', n.nspname, c.relname, c.oid, format('%I.%I', n.nspname, c.relname)
      FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'v', 'S')
    UNION ALL
    SELECT 'function', n.nspname, p.proname, p.oid, format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid))
      FROM pg_catalog.pg_proc p
      JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
)
SELECT s_role AS role, s.privilege, a.attname::text AS column_name, s.kind, o.object,
       CASE WHEN r.oid IS NULL        THEN NULL
            WHEN s.kind = 'schema'    THEN has_schema_privilege(r.oid, o.oid, s.privilege)
            WHEN s.kind = 'function'  THEN has_function_privilege(r.oid, o.oid, s.privilege)
            WHEN a.attnum IS NOT NULL THEN has_column_privilege(r.oid, o.oid, a.attnum, s.privilege)
            ELSE has_table_privilege(r.oid, o.oid, s.privilege) END AS granted,
       CASE WHEN s.kind = 'schema'    THEN has_schema_privilege(o.oid, s.privilege)
            WHEN s.kind = 'function'  THEN has_function_privilege(o.oid, s.privilege)
            WHEN a.attnum IS NOT NULL THEN has_column_privilege(o.oid, a.attnum, s.privilege)
            ELSE has_table_privilege(o.oid, s.privilege) END AS held
  FROM stated s
 CROSS JOIN unnest(s.roles) s_role
  JOIN objects o ON o.kind = s.kind AND o.schema = s.schema AND (s.names IS NULL OR o.name = ANY (s.names))
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = o.oid AND a.attname = ANY (s.columns) AND NOT a.attisdropped
  LEFT JOIN pg_catalog.pg_roles r ON r.rolname = s_role
 WHERE s.columns IS NULL OR a.attnum IS NOT NULL; -- for want of a column never the whole table
COMMENT ON VIEW   tagexec.role_rights IS 'Rights of the group roles, one row for each, and whether they are granted.';
COMMENT ON COLUMN tagexec.role_rights.role        IS 'Group role.';
COMMENT ON COLUMN tagexec.role_rights.privilege   IS 'USAGE, SELECT, INSERT, UPDATE, DELETE or EXECUTE.';
COMMENT ON COLUMN tagexec.role_rights.column_name IS 'Column of the table; null means the whole object.';
COMMENT ON COLUMN tagexec.role_rights.kind        IS 'schema, table (views and sequences too) or function.';
COMMENT ON COLUMN tagexec.role_rights.object      IS 'Its name, as GRANT takes it.';
COMMENT ON COLUMN tagexec.role_rights.granted     IS 'Whether the role has the right; null if there is no such role.';
COMMENT ON COLUMN tagexec.role_rights.held        IS 'Whether the user who asks has it.';

CREATE OR REPLACE FUNCTION tagexec.grant_roles() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    command text;
BEGIN
    FOR command IN
        SELECT format('GRANT %s%s ON %s %s TO %I', r.privilege, ' (' || quote_ident(r.column_name) || ')', upper(r.kind), r.object, r.role)
          FROM tagexec.role_rights r
         WHERE r.granted IS NOT NULL
    LOOP
        EXECUTE command;
    END LOOP;
END
$$;
COMMENT ON FUNCTION tagexec.grant_roles IS 'Internal: grants the group roles that exist all their rights; to be called again by the owner when a role was created later.';
