package store

// What grant_roles grants, as (role, kind of object, object, privilege). What
// an older schema does not have yet is left out.
const wantedRights = `
WITH functions (role, names) AS (
    VALUES ('tagexec_producer', '{submit_jobs,batch_settled,assert_batch_ok,cancel_batch}'::text[]),
           ('tagexec_executor', '{submit_jobs,batch_settled,assert_batch_ok,resubmit_cancelled}'),
           ('tagexec_operator', '{cancel_batch,retry_batch,cancel_job,retry_job,explain_job}')
), columns (role, relation, privilege, names) AS (
    VALUES ('tagexec_producer', 'tag_jobs',  'INSERT', '{tag,kind,payload,batch,biz_date,dedupe_key,pool,slots,priority,mutex_key,run_at,timeout_seconds,max_attempts}'::text[]),
           ('tagexec_producer', 'tag_jobs',  'SELECT', '{id,batch,dedupe_key}'),
           ('tagexec_executor', 'tag_jobs',  'UPDATE', '{state,attempt,failures,crashes,executor_id,started_at,finished_at,deadline_at,run_at,rows_affected,exit_code,result,error_code,error}'),
           ('tagexec_operator', 'tag_pools', 'UPDATE', '{slots,paused,description}')
), relations (role, relation, privilege) AS (
    VALUES ('tagexec_executor', 'tag_job_attempts', 'INSERT'), ('tagexec_executor', 'tag_kinds', 'INSERT'),
           ('tagexec_executor', 'tag_executors', 'INSERT'), ('tagexec_executor', 'tag_executors', 'UPDATE'),
           ('tagexec_operator', 'tag_pools', 'SELECT')
), readers (role, schema) AS (
    VALUES ('tagexec_executor', 'tagexec'), ('tagexec_producer', 'tagreport'), ('tagexec_operator', 'tagreport'), ('tagexec_analyst', 'tagreport')
), ours AS MATERIALIZED (
    SELECT c.oid, c.relname::text AS relation, n.nspname::text AS schema
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname IN ('tagexec', 'tagreport') AND c.relkind IN ('r', 'v')
), wanted (role, what, may) AS (
    SELECT u.role, 'USAGE on schema ' || n.nspname, has_schema_privilege(who.oid, n.oid, 'USAGE')
      FROM (SELECT role, schema FROM readers UNION SELECT role, 'tagexec' FROM functions) u
      JOIN pg_namespace n ON n.nspname = u.schema
      JOIN who ON who.role = u.role
    UNION ALL
    SELECT f.role, 'EXECUTE on ' || p.proname, has_function_privilege(who.oid, p.oid, 'EXECUTE')
      FROM functions f
      JOIN pg_proc p ON p.proname = ANY (f.names) AND p.pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'tagexec')
      JOIN who ON who.role = f.role
    UNION ALL
    SELECT c.role, format('%s of %s on %s', c.privilege, a.attname, c.relation), has_column_privilege(who.oid, o.oid, a.attnum, c.privilege)
      FROM columns c
      JOIN ours o ON o.schema = 'tagexec' AND o.relation = c.relation
      JOIN pg_attribute a ON a.attrelid = o.oid AND a.attname = ANY (c.names) AND NOT a.attisdropped
      JOIN who ON who.role = c.role
    UNION ALL
    SELECT r.role, format('%s on %s', r.privilege, r.relation), has_table_privilege(who.oid, o.oid, r.privilege)
      FROM relations r
      JOIN ours o ON o.schema = 'tagexec' AND o.relation = r.relation
      JOIN who ON who.role = r.role
    UNION ALL
    SELECT r.role, format('SELECT on %s.%s', o.schema, o.relation), has_table_privilege(who.oid, o.oid, 'SELECT')
      FROM readers r
      JOIN ours o ON o.schema = r.schema
      JOIN who ON who.role = r.role
)`

const diagnoseRolesSQL = `
WITH RECURSIVE groups (role) AS (
    VALUES ('tagexec_producer'), ('tagexec_executor'), ('tagexec_operator'), ('tagexec_analyst')
), who AS MATERIALIZED (
    SELECT g.role, r.oid FROM groups g JOIN pg_roles r ON r.rolname = g.role
), rights AS (SELECT * FROM (` + wantedRights + `
    SELECT role, what, may FROM wanted) w)
SELECT 'finding', format('there is no role %s', g.role),
       format('CREATE ROLE %s NOLOGIN as an administrator, then SELECT tagexec.grant_roles() as the schema''s owner.', g.role)
  FROM groups g
 WHERE g.role NOT IN (SELECT role FROM who)
UNION ALL
SELECT 'finding', format('role %s lacks %s', role, string_agg(what, ', ' ORDER BY what)),
       'SELECT tagexec.grant_roles() as the schema''s owner.'
  FROM rights
 WHERE NOT may
 GROUP BY role`

// A login that is an operator's, a producer's or an analyst's need not be able
// to work; one that is nothing, or an executor's by half, is a mistake.
const diagnoseLoginSQL = `
WITH who AS MATERIALIZED (
    SELECT 'tagexec_executor'::text AS role, oid FROM pg_roles WHERE rolname = current_user
), rights AS (SELECT * FROM (` + wantedRights + `
    SELECT what, may FROM wanted) w
), lacks AS (
    SELECT count(*) AS n, count(*) FILTER (WHERE NOT may) AS missing,
           array_to_string((array_agg(what ORDER BY what) FILTER (WHERE NOT may))[:5], ', ') AS names
      FROM rights
), login AS (
    SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tagexec_executor' AND pg_has_role(oid, 'USAGE')) AS executor,
           EXISTS (SELECT FROM pg_namespace WHERE nspname = 'tagreport' AND has_schema_privilege(oid, 'USAGE')) AS reader
)
SELECT CASE WHEN missing = 0 THEN 'ok' WHEN reader AND NOT executor THEN 'info' ELSE 'finding' END,
       CASE WHEN missing = 0 THEN format('login %I may claim and record', current_user)
            ELSE format('login %I may not claim and record: it lacks %s%s', current_user, names, CASE WHEN missing > 5 THEN format(' and %s more', missing - 5) ELSE '' END) END,
       CASE WHEN missing = 0 THEN ''
            WHEN executor THEN 'SELECT tagexec.grant_roles() as the schema''s owner.'
            ELSE format('GRANT tagexec_executor TO %I, if it is to run jobs.', current_user) END
  FROM lacks, login`
