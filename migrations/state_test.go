package migrations_test

import (
	"io/fs"
	"strings"
	"testing"
	"unicode"

	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestStatusAndUpWithNothingToDoNeedOnlyToUseTheSchema(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	role, login := db.Login("")
	db.Exec("GRANT USAGE ON SCHEMA tagexec TO " + role)
	for _, setting := range []string{"", "default_transaction_read_only = on", "datestyle = 'SQL, DMY'", "timezone = 'Asia/Shanghai'"} {
		if setting != "" {
			db.Exec("ALTER ROLE " + role + " SET " + setting)
		}
		if applied, err := migrations.Up(t.Context(), login); err != nil || len(applied) > 0 {
			t.Errorf("%s: applied %q, %v", setting, applied, err)
		}
		all, err := migrations.List(t.Context(), login)
		if err != nil || len(all) < 2 {
			t.Fatalf("%s: %v, %v", setting, all, err)
		}
		for _, s := range all {
			if s.AppliedAt.IsZero() {
				t.Errorf("%s: %s is pending", setting, s.File)
			}
		}
	}
	db.Exec("REVOKE USAGE ON SCHEMA tagexec FROM " + role)
	if _, err := migrations.List(t.Context(), login); err == nil || !strings.Contains(err.Error(), "permission denied for schema tagexec") {
		t.Errorf("got %v", err)
	}
}

func TestStatusWritesNothing(t *testing.T) {
	t.Parallel()
	db := storetest.Empty(t)
	before := describe(db)
	for _, s := range list(t, db) {
		if !s.AppliedAt.IsZero() {
			t.Errorf("%s is applied", s.File)
		}
	}
	checkSame(t, "the database", describe(db), before)
}

// Where nothing is to take back, nothing is made first, so that no right is needed.
func TestDownOfNothingWritesNothing(t *testing.T) {
	t.Parallel()
	db := storetest.Empty(t)
	role, login := db.Login("")
	db.Exec("ALTER ROLE " + role + " SET default_transaction_read_only = on")
	if undone, err := migrations.Down(t.Context(), login, true); err != nil || len(undone) > 0 {
		t.Errorf("took back %q, %v", undone, err)
	}
}

// What a login or a database sets changes nothing that the migrations rely on.
func TestUpWhateverTheLoginAndTheDatabaseSet(t *testing.T) {
	t.Parallel()
	db := storetest.Empty(t)
	role, login := db.Login("")
	db.Exec("ALTER ROLE " + role + " SUPERUSER")
	db.Exec(`CREATE SCHEMA mock; CREATE FUNCTION mock.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT '1970-01-01'::timestamptz $$`)
	for _, setting := range []string{
		"datestyle = 'SQL, DMY'", "intervalstyle = 'sql_standard'", "timezone = 'Asia/Shanghai'", "client_encoding = 'LATIN1'",
		"standard_conforming_strings = off", "default_transaction_isolation = 'serializable'", "search_path = mock, pg_catalog",
		"statement_timeout = '200ms'", "lock_timeout = '1ms'", "bytea_output = 'escape'", "client_min_messages = 'error'", "idle_session_timeout = '1s'", "idle_in_transaction_session_timeout = '1ms'",
	} {
		db.Exec("ALTER ROLE " + role + " SET " + setting)
	}
	if applied, err := migrations.Up(t.Context(), login); err != nil || len(applied) < 2 {
		t.Fatalf("applied %q, %v", applied, err)
	}
	if got := storetest.One[string](db, "SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'tagexec.tag_jobs'::regclass AND pg_get_expr(adbin, adrelid) LIKE '%now()%' LIMIT 1"); strings.Contains(got, "mock") {
		t.Errorf("a default is %s", got)
	}
	if list, err := migrations.List(t.Context(), login); err != nil || list[0].AppliedAt.IsZero() {
		t.Errorf("got %v, %v", list, err)
	}
}

func TestUpAndDownSayThatNothingCanBeWritten(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	role, login := db.Login("")
	db.Exec("ALTER ROLE " + role + " SUPERUSER")
	db.Exec("ALTER ROLE " + role + " SET default_transaction_read_only = on")
	_, err := migrations.UpFrom(t.Context(), twoVersions(t), login)
	refused(t, err, "transactions are read-only here")
	_, err = migrations.Down(t.Context(), login, true)
	refused(t, err, "transactions are read-only here")
}

// A server converts the whole text of a statement, comments too.
func TestSQLIsASCII(t *testing.T) {
	t.Parallel()
	err := fs.WalkDir(migrations.Files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(migrations.Files, path)
		for i, line := range strings.Split(string(text), "\n") {
			if strings.ContainsFunc(line, func(r rune) bool { return r > unicode.MaxASCII }) {
				t.Errorf("%s:%d: not every database has these characters: %s", path, i+1, line)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestUpInEveryEncoding(t *testing.T) {
	t.Parallel()
	for _, encoding := range []string{"LATIN1", "EUC_CN", "EUC_JP", "SQL_ASCII", "WIN1251"} {
		t.Run(encoding, func(t *testing.T) {
			t.Parallel()
			db := storetest.Encoded(t, encoding)
			up(t, db)
			if again := up(t, db); len(again) > 0 {
				t.Errorf("applied again: %q", again)
			}
		})
	}
}
