package migrations_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tagexec/tagexec/migrations"
)

// nextSQL is the numbered file of a version that does not exist. It does each thing
// that a numbered file may have to do before changed code is installed.
const nextSQL = `
-- +goose Up
ALTER TABLE tagexec.tag_jobs ADD COLUMN note text;
COMMENT ON COLUMN tagexec.tag_jobs.note IS 'A note.';
-- Its signature changes.
INSERT INTO tagexec.kept_rights (privilege, object, grantee)
SELECT a.privilege_type, 'FUNCTION tagexec.retry_job(bigint, text, boolean)', r.rolname
  FROM pg_catalog.pg_proc p
 CROSS JOIN aclexplode(p.proacl) a
  JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
 WHERE p.oid = to_regprocedure('tagexec.retry_job(bigint, text)') AND a.grantee <> p.proowner;
DROP FUNCTION IF EXISTS tagexec.retry_job(bigint, text);
-- It loses a column.
INSERT INTO tagexec.kept_rights (privilege, object, grantee)
SELECT a.privilege_type, 'TABLE tagreport.operator_actions', r.rolname
  FROM pg_catalog.pg_class c
 CROSS JOIN aclexplode(c.relacl) a
  JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
 WHERE c.oid = to_regclass('tagreport.operator_actions') AND a.grantee <> c.relowner;
DROP VIEW IF EXISTS tagreport.operator_actions;
-- These two go.
DROP VIEW IF EXISTS tagreport.tag_freshness;
DROP TRIGGER IF EXISTS append_only ON tagexec.tag_past_attempts;
INSERT INTO tagexec.schema_versions (version, min_compatible) VALUES (%[1]d, %[1]d - 1);

-- +goose Down
DELETE FROM tagexec.schema_versions WHERE version = %[1]d;
ALTER TABLE tagexec.tag_jobs DROP COLUMN note;
`

// copied returns the SQL of this binary, to be changed.
func copied(t *testing.T) fstest.MapFS {
	t.Helper()
	all := fstest.MapFS{}
	err := fs.WalkDir(migrations.Files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(migrations.Files, path)
		all[path] = &fstest.MapFile{Data: text}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// change replaces a part of a file of code.
func change(t *testing.T, all fstest.MapFS, name, old, replacement string) {
	t.Helper()
	path := "code/" + name
	text := string(all[path].Data)
	if !strings.Contains(text, old) {
		t.Fatalf("%s does not have %q", path, old)
	}
	all[path].Data = []byte(strings.ReplaceAll(text, old, replacement))
}

// nextVersion returns the SQL of a binary that is one version newer than this one.
func nextVersion(t *testing.T) fstest.MapFS {
	t.Helper()
	all, version := copied(t), newest(t)+1
	all[fmt.Sprintf("%05d_next.sql", version)] = &fstest.MapFile{Data: fmt.Appendf(nil, nextSQL, version)}
	change(t, all, "43_retry_job.sql", "retry_job(id bigint, reason text DEFAULT NULL)", "retry_job(id bigint, reason text DEFAULT NULL, urgent boolean DEFAULT false)")
	change(t, all, "44_explain_job.sql", "is paused", "was paused")
	delete(all, "code/53_report_tag_freshness.sql")
	change(t, all, "58_report_executors.sql", "e.drain_reason\n  FROM", "e.drain_reason, e.pid AS process\n  FROM")
	change(t, all, "58_report_executors.sql", "COMMENT ON VIEW", "COMMENT ON COLUMN tagreport.executors.process IS 'As pid.';\nCOMMENT ON VIEW")
	change(t, all, "59_report_operator_actions.sql", "o.ui_user, ", "")
	change(t, all, "59_report_operator_actions.sql", "COMMENT ON COLUMN tagreport.operator_actions.ui_user", "-- ")
	refuse := all["code/73_refuse_change.sql"]
	before, _, found := strings.Cut(string(refuse.Data), "CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE ON tagexec.tag_past_attempts")
	if !found {
		t.Fatal("tag_past_attempts has no trigger to leave out")
	}
	refuse.Data = []byte(before)
	return all
}
