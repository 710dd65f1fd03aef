package migrations_test

import (
	"testing"

	"github.com/tagexec/tagexec/store/storetest"
)

const missingSQL = `SELECT format('%s: %s%s on %s %s', role, privilege, ' of ' || column_name, kind, object) FROM tagexec.role_rights WHERE NOT granted`

func TestRoleRightsNamesWhatARoleLacks(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	missing := func() []string { return storetest.All[string](db, missingSQL) }
	checkSame(t, "missing at first", missing(), nil)
	db.Exec(`REVOKE USAGE ON SCHEMA tagreport FROM tagexec_analyst;
		REVOKE INSERT ON tagexec.tag_past_attempts FROM tagexec_executor;
		REVOKE UPDATE (state) ON tagexec.tag_jobs FROM tagexec_executor;
		REVOKE SELECT ON tagreport.jobs FROM tagexec_producer;
		REVOKE EXECUTE ON FUNCTION tagexec.explain_job FROM tagexec_operator`)
	checkSame(t, "missing", missing(), []string{
		"tagexec_analyst: USAGE on schema tagreport",
		"tagexec_executor: INSERT on table tagexec.tag_past_attempts",
		"tagexec_executor: UPDATE of state on table tagexec.tag_jobs",
		"tagexec_producer: SELECT on table tagreport.jobs",
		"tagexec_operator: EXECUTE on function tagexec.explain_job(id bigint)",
	})
	db.Exec("SELECT tagexec.grant_roles()")
	checkSame(t, "missing after grant_roles", missing(), nil)
}

// A right on a column that is not there must not become one on the table.
func TestRoleRightsNeverTakesATableForAColumn(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec(`ALTER TABLE tagexec.tag_pools RENAME slots TO a; ALTER TABLE tagexec.tag_pools RENAME paused TO b; ALTER TABLE tagexec.tag_pools RENAME description TO c`)
	if n := storetest.One[int](db, "SELECT count(*) FROM tagexec.role_rights WHERE object = 'tagexec.tag_pools' AND privilege = 'UPDATE'"); n != 0 {
		t.Errorf("%d rights to update tag_pools, which has none of the columns", n)
	}
	db.Exec(`ALTER TABLE tagexec.tag_pools RENAME a TO slots; ALTER TABLE tagexec.tag_pools RENAME b TO paused; ALTER TABLE tagexec.tag_pools RENAME c TO description`)
}

func TestRoleRightsTellsAnybodyWhatItHolds(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for _, role := range []string{"tagexec_producer", "tagexec_executor", "tagexec_operator"} {
		conn := db.Conn()
		if _, err := conn.Exec(t.Context(), "SET ROLE "+role); err != nil {
			t.Fatal(err)
		}
		var lacks, holds int
		err := conn.QueryRow(t.Context(), "SELECT count(*) FILTER (WHERE role = $1 AND NOT held), count(*) FILTER (WHERE held) FROM tagexec.role_rights", role).Scan(&lacks, &holds)
		if all := storetest.One[int](db, "SELECT count(*) FROM tagexec.role_rights"); err != nil || lacks != 0 || holds == 0 || holds >= all {
			t.Errorf("%s lacks %d of its rights and holds %d of %d, %v", role, lacks, holds, all, err)
		}
	}
}
