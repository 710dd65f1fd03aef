package migrations_test

import (
	"strings"
	"testing"

	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store/storetest"
)

// rulesAreCode is the version since which the rules of jobs are code.
const rulesAreCode = 23

func TestUpdateRefusesWhatAnInsertRefuses(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Insert(storetest.Row{})
	for _, w := range ruleBreakers {
		_, err := db.Pool.Exec(t.Context(), "UPDATE tagexec.tag_jobs SET "+w.set)
		checkRefused(t, w.name, err, w.constraint, w.message)
	}
	db.Exec("UPDATE tagexec.tag_jobs SET tag = repeat('ü', 200), priority = 9, mutex_key = 'k', biz_date = '2026-01-01', timeout_seconds = 1, max_attempts = 100, slots = 2")
}

// The rules of jobs were CHECKs of the table before they were code. At no moment of the
// change, and of its way back, is a row accepted that breaks one.
func TestRulesOfJobsHoldWhileTheyBecomeCode(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	refused := func(when string, byCode bool) {
		t.Helper()
		for _, w := range ruleBreakers {
			column, value, _ := strings.Cut(w.set, " = ")
			insert := "INSERT INTO tagexec.tag_jobs (tag, " + column + ") VALUES ('t', " + value + ")"
			if column == "tag" {
				insert = "INSERT INTO tagexec.tag_jobs (tag) VALUES (" + value + ")"
			}
			if !byCode {
				w.message = "" // Postgres's own
			}
			_, err := db.Pool.Exec(t.Context(), insert)
			checkRefused(t, when+", "+w.name, err, w.constraint, w.message)
		}
	}
	refused("code", true)
	for storetest.One[int](db, "SELECT max(version) FROM tagexec.schema_versions") >= rulesAreCode {
		if _, err := migrations.Down(t.Context(), db.URL, false); err != nil {
			t.Fatal(err)
		}
	}
	refused("taken back", false)
	broken := copied(t)
	change(t, broken, "99_grant.sql", "grant_roles", "grant_nothing")
	if _, err := migrations.UpFrom(t.Context(), broken, db.URL); err == nil {
		t.Fatal("installed code that is wrong")
	}
	refused("before the code", false)
	up(t, db)
	refused("code again", true)
}
