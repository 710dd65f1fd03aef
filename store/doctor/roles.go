package doctor

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// right names a right of tagexec.role_rights, where all of them are stated.
const right = `format('%s%s on %s%s', privilege, ' of ' || column_name, CASE kind WHEN 'schema' THEN 'schema ' ELSE '' END, object)`

const rolesSQL = `
SELECT 'finding', format('there is no role %s', role),
       format('CREATE ROLE %s NOLOGIN as an administrator, then SELECT tagexec.grant_roles() as the schema''s owner.', role)
  FROM tagexec.role_rights
 WHERE granted IS NULL
 GROUP BY role
UNION ALL
SELECT 'finding', format('role %s lacks %s', role, string_agg(` + right + `, ', ' ORDER BY ` + right + `)),
       'SELECT tagexec.grant_roles() as the schema''s owner.'
  FROM tagexec.role_rights
 WHERE NOT granted
 GROUP BY role`

// A login of an operator, a producer or an analyst need not be able to run
// jobs. A login without any group role, or an executor's with some of its rights
// missing, is a finding.
const (
	loginSQL = `
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

	lacksSQL = `-- tagexec: diagnose login
WITH lacks AS (
    SELECT count(*) AS missing, array_to_string((array_agg(` + right + ` ORDER BY ` + right + `))[:5], ', ') AS names
      FROM tagexec.role_rights
     WHERE role = 'tagexec_executor' AND NOT held` + loginSQL

	// Who may not use the schema cannot read role_rights.
	lacksSchemaSQL = `-- tagexec: diagnose login
WITH lacks AS (
    SELECT 1 AS missing, 'USAGE on schema tagexec' AS names` + loginSQL
)

func checkLogin(ctx context.Context, _ *target, tx pgx.Tx) ([]Diagnosis, error) {
	var usage bool
	if err := tx.QueryRow(ctx, "SELECT has_schema_privilege('tagexec', 'USAGE')").Scan(&usage); err != nil {
		return nil, err
	}
	if !usage {
		return collect(tx.Query(ctx, lacksSchemaSQL))
	}
	return collect(tx.Query(ctx, lacksSQL))
}
