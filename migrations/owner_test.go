package migrations_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store/storetest"
)

// mallory is a login that may create what she likes in the database of the test.
func mallory(t *testing.T, db *storetest.DB) (name, u string) {
	t.Helper()
	name, u = db.Login("")
	db.Exec(fmt.Sprintf("GRANT CREATE ON DATABASE %s TO %s", db.Name(), name))
	t.Cleanup(func() {
		if _, err := db.Pool.Exec(context.Background(), "DROP OWNED BY "+name+" CASCADE"); err != nil {
			t.Error(err)
		}
	})
	return name, u
}

// refused checks that an error refuses what others made, with these words.
func refused(t *testing.T, err error, words ...string) {
	t.Helper()
	var refusal *migrations.RefusedError
	if !errors.As(err, &refusal) {
		t.Errorf("got %v, want it refused", err)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
}

// attacks are what mallory may have made, each calling her function, which makes her a
// superuser if its caller is one.
const attacks = `
CREATE FUNCTION %[1]s.grab() RETURNS void LANGUAGE plpgsql AS 'BEGIN RESET ROLE; ALTER ROLE %[2]s SUPERUSER; EXCEPTION WHEN insufficient_privilege THEN END';
CREATE FUNCTION %[1]s.now() RETURNS timestamptz LANGUAGE plpgsql AS 'BEGIN PERFORM %[1]s.grab(); RETURN statement_timestamp(); END';
CREATE FUNCTION %[1]s.char_length(text) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM %[1]s.grab(); RETURN length($1); END';
CREATE FUNCTION %[1]s.format(text, VARIADIC text[]) RETURNS text LANGUAGE plpgsql AS 'BEGIN PERFORM %[1]s.grab(); RETURN NULL; END';
CREATE FUNCTION %[1]s.to_regclass(text) RETURNS regclass LANGUAGE plpgsql AS 'BEGIN PERFORM %[1]s.grab(); RETURN NULL; END';
CREATE FUNCTION %[1]s.equal(name, text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN PERFORM %[1]s.grab(); RETURN true; END';
CREATE OPERATOR %[1]s.= (LEFTARG = name, RIGHTARG = text, FUNCTION = %[1]s.equal)`

// outdated makes up find something to do.
const outdated = "UPDATE tagexec.schema_versions SET code_hash = 'another'"

func isSuperuser(db *storetest.DB, name string) bool {
	return storetest.One[bool](db, "SELECT rolsuper FROM pg_roles WHERE rolname = $1", name)
}

func TestUpRefusesASchemaThatHoldsWhatNobodyMigrated(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, sql string // %s is mallory
		words     []string
	}{
		{"functions and operators", "CREATE SCHEMA tagexec AUTHORIZATION %s; SET ROLE %[1]s; " + strings.NewReplacer("%[1]s", "tagexec", "%[2]s", "%[1]s").Replace(attacks),
			[]string{"function tagexec.", "not this tool's"}},
		{"a table named as ours", "CREATE SCHEMA tagexec AUTHORIZATION %s; SET ROLE %[1]s; CREATE TABLE tagexec.tag_jobs (id bigint)", []string{"table tagexec.tag_jobs"}},
		{"a type named as ours", "CREATE SCHEMA tagexec AUTHORIZATION %s; SET ROLE %[1]s; CREATE DOMAIN tagexec.submitted_job AS text", []string{"type tagexec.submitted_job"}},
		{"a table of versions that is another's", "CREATE SCHEMA tagexec; GRANT CREATE, USAGE ON SCHEMA tagexec TO %s; SET ROLE %[1]s; CREATE TABLE tagexec.goose_db_version (version_id bigint)",
			[]string{"table tagexec.goose_db_version of {mallory}"}},
		{"a function in the administrator's own", "CREATE SCHEMA tagexec; GRANT CREATE, USAGE ON SCHEMA tagexec TO %s; SET ROLE %[1]s; CREATE FUNCTION tagexec.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT statement_timestamp()'",
			[]string{"function tagexec.now() of {mallory}"}},
		{"a schema for reports that is another's", "CREATE SCHEMA tagreport AUTHORIZATION %s", []string{`schema tagreport, which belongs to "{mallory}"`}},
		{"two schemas of two", "CREATE SCHEMA tagexec; CREATE SCHEMA tagreport AUTHORIZATION %s", []string{`schema tagreport to "{mallory}"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.Empty(t)
			name, _ := mallory(t, db)
			if _, err := db.Conn().Exec(t.Context(), fmt.Sprintf(tt.sql, name)); err != nil {
				t.Fatal(err)
			}
			before := describe(db)
			for i, word := range tt.words {
				tt.words[i] = strings.ReplaceAll(word, "{mallory}", name)
			}
			_, err := migrations.Up(t.Context(), db.URL)
			refused(t, err, tt.words...)
			checkSame(t, "the database", describe(db), before)
			if isSuperuser(db, name) {
				t.Error("she is a superuser now")
			}
		})
	}
}

// What came to our schemas after they were made is refused as well.
func TestUpRefusesObjectsOfOthersInAMigratedSchema(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	name, _ := mallory(t, db)
	db.Exec("GRANT CREATE, USAGE ON SCHEMA tagexec TO " + name)
	if _, err := db.Conn().Exec(t.Context(), "SET ROLE "+name+"; CREATE FUNCTION tagexec.pg_try_advisory_lock(bigint) RETURNS boolean LANGUAGE sql AS 'SELECT true'"); err != nil {
		t.Fatal(err)
	}
	db.Exec(outdated)
	_, err := migrations.Up(t.Context(), db.URL)
	refused(t, err, "function tagexec.pg_try_advisory_lock(bigint) of "+name)
	_, err = migrations.Down(t.Context(), db.URL, true)
	refused(t, err, name)
}

// A superuser, and a member of the owner, do all as the owner, and say so first. Nobody
// else does anything.
func TestUpIsDoneAsTheOwnerOfTheSchema(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"a superuser", "a member", "another"} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			db := storetest.Empty(t)
			owner, _ := mallory(t, db)
			db.Exec("CREATE SCHEMA tagexec AUTHORIZATION " + owner)
			u := db.URL
			var name string
			switch who {
			case "a member":
				_, u = db.Login(owner)
			case "another":
				name, u = mallory(t, db)
			}
			var told []string
			_, err := migrations.Up(t.Context(), u, func(notice string) { told = append(told, notice) })
			if who == "another" {
				refused(t, err, fmt.Sprintf("belongs to %q", owner), fmt.Sprintf("%q is neither that role", name))
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprintf("schema tagexec belongs to %q, and all is done as that role", owner); len(told) == 0 || told[0] != want {
				t.Errorf("told %q", told)
			}
			storetest.Check(t, "owners", storetest.All[string](db, `SELECT DISTINCT relowner::regrole::text FROM pg_class WHERE relnamespace::regnamespace::text IN ('tagexec', 'tagreport')
				UNION SELECT proowner::regrole::text FROM pg_proc WHERE pronamespace::regnamespace::text IN ('tagexec', 'tagreport')
				UNION SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname IN ('tagexec', 'tagreport')`), "["+owner+"]")
			if isSuperuser(db, owner) {
				t.Error("the owner is a superuser now")
			}
			if _, err := migrations.Down(t.Context(), u, true); err != nil {
				t.Error(err)
			}
		})
	}
}

// Code of the owner, called while a login with more rights migrates, could take them
// back from the owner's role. It is not called.
func TestUpRunsNoCodeOfTheOwnerWithTheRightsOfAnother(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ sql, want string }{
		"a trigger":            {"CREATE TRIGGER a BEFORE UPDATE ON tagexec.schema_versions FOR EACH ROW EXECUTE FUNCTION evil.fire()", "trigger a on table tagexec.schema_versions"},
		"a deferred trigger":   {"CREATE CONSTRAINT TRIGGER a AFTER UPDATE ON tagexec.schema_versions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION evil.fire()", "trigger a on"},
		"a function of ours":   {"CREATE OR REPLACE FUNCTION tagexec.refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM evil.grab(); RETURN NEW; END'; CREATE TRIGGER a BEFORE UPDATE ON tagexec.schema_versions FOR EACH ROW EXECUTE FUNCTION tagexec.refuse_change()", "trigger a on"},
		"a rule":               {"CREATE RULE a AS ON UPDATE TO tagexec.schema_versions DO ALSO SELECT evil.grab()", "rule a on table tagexec.schema_versions"},
		"a check":              {"ALTER TABLE tagexec.schema_versions ADD CONSTRAINT a CHECK (evil.grab() IS NOT NULL)", "function evil.grab()"},
		"a type":               {"CREATE DOMAIN evil.d AS integer CHECK (evil.grab() IS NOT NULL); ALTER TABLE tagexec.schema_versions ALTER min_compatible TYPE evil.d", "type evil.d"},
		"a child":              {"CREATE TABLE evil.c () INHERITS (tagexec.schema_versions); INSERT INTO evil.c SELECT * FROM tagexec.schema_versions; CREATE TRIGGER a BEFORE UPDATE ON evil.c FOR EACH ROW EXECUTE FUNCTION evil.fire()", "table evil.c"},
		"a view for a table":   {"ALTER TABLE tagexec.kept_rights RENAME TO x; CREATE VIEW tagexec.kept_rights AS SELECT * FROM tagexec.x WHERE evil.grab() IS NOT NULL", "view tagexec.kept_rights"},
		"a policy":             {"CREATE POLICY a ON tagexec.tag_executors USING (evil.grab() IS NOT NULL); ALTER TABLE tagexec.tag_executors ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY", "policy a on table tagexec.tag_executors"},
		"a default":            {"ALTER TABLE tagexec.kept_rights ALTER privilege SET DEFAULT evil.grab()", "function evil.grab()"},
		"a rule of attempts":   {"CREATE RULE a AS ON UPDATE TO tagexec.tag_past_attempts DO ALSO SELECT evil.grab()", "rule a on table tagexec.tag_past_attempts"},
		"a check of attempts":  {"ALTER TABLE tagexec.tag_past_attempts ADD CONSTRAINT a CHECK (evil.grab() IS NOT NULL)", "function evil.grab()"},
		"an index's predicate": {"CREATE INDEX ON tagexec.kept_rights (object) WHERE evil.constant() = ''", "function evil.constant()"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := storetest.Empty(t)
			owner, u := mallory(t, db)
			db.Exec("CREATE SCHEMA tagexec AUTHORIZATION " + owner)
			if _, err := migrations.Up(t.Context(), u); err != nil {
				t.Fatal(err)
			}
			conn := storetest.Dial(t, u)
			for _, sql := range []string{
				"CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO PUBLIC",
				"CREATE FUNCTION evil.grab() RETURNS text LANGUAGE plpgsql AS $$ BEGIN BEGIN EXECUTE 'RESET ROLE'; EXECUTE 'ALTER ROLE " + owner + " SUPERUSER'; EXCEPTION WHEN OTHERS THEN END; RETURN ''; END $$",
				"CREATE FUNCTION evil.constant() RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN evil.grab(); END $$",
				"CREATE FUNCTION evil.fire() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.grab(); RETURN NEW; END $$",
				outdated, tt.sql,
			} {
				may(t, conn, sql)
			}
			_, member := db.Login(owner)
			for _, login := range []string{db.URL, member} {
				_, err := migrations.Up(t.Context(), login)
				refused(t, err, tt.want, "connect as \""+owner+"\"")
				_, err = migrations.FindLoss(t.Context(), login)
				refused(t, err, tt.want)
			}
			if isSuperuser(db, owner) {
				t.Error("the owner is a superuser now")
			}
		})
	}
}

// Whatever stands before pg_catalog in the path of the login, nothing of it is called
// or becomes a part of the schema.
func TestUpFindsNothingByTheSearchPathOfTheLogin(t *testing.T) {
	t.Parallel()
	db := storetest.Empty(t)
	name, _ := mallory(t, db)
	db.Exec("CREATE SCHEMA mock AUTHORIZATION " + name)
	if _, err := db.Conn().Exec(t.Context(), "SET ROLE "+name+";"+fmt.Sprintf(attacks, "mock", name)); err != nil {
		t.Fatal(err)
	}
	db.Exec("GRANT USAGE ON SCHEMA mock TO PUBLIC")
	db.Exec(fmt.Sprintf("ALTER DATABASE %s SET search_path = mock, pg_catalog", db.Name()))
	up(t, db)
	db.Exec(fmt.Sprintf("ALTER DATABASE %s RESET search_path", db.Name()))
	if isSuperuser(db, name) {
		t.Error("she is a superuser now")
	}
	calls := storetest.All[string](db, `SELECT pg_describe_object(classid, objid, objsubid) FROM pg_depend
		WHERE refclassid = 'pg_proc'::regclass AND refobjid IN (SELECT oid FROM pg_proc WHERE pronamespace = 'mock'::regnamespace)
		  AND classid <> 'pg_operator'::regclass`)
	storetest.Check(t, "parts of the schema that call hers", calls, "[]")
}

// Default privileges, which companies have for all tables, give nobody the queue. What
// was granted on purpose stays.
func TestUpGivesNobodyRightsByDefaultPrivileges(t *testing.T) {
	t.Parallel()
	db := storetest.Empty(t)
	reader, _ := mallory(t, db)
	for _, what := range []string{"TABLES", "SEQUENCES", "FUNCTIONS", "SCHEMAS"} {
		db.Exec("ALTER DEFAULT PRIVILEGES GRANT ALL ON " + what + " TO " + reader)
	}
	db.Exec("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC")
	held := func() []string {
		return storetest.All[string](db, `
			SELECT format('%s on %s', a.privilege_type, o.name)
			  FROM (SELECT oid::regclass::text AS name, relacl AS acl, relnamespace AS namespace FROM pg_class
			        UNION ALL SELECT oid::regprocedure::text, proacl, pronamespace FROM pg_proc
			        UNION ALL SELECT nspname, nspacl, oid FROM pg_namespace) o
			 CROSS JOIN aclexplode(o.acl) a
			 WHERE o.namespace::regnamespace::text IN ('tagexec', 'tagreport')
			   AND (a.grantee = $1::regrole OR a.grantee = 0)
			 ORDER BY 1`, reader)
	}
	stated := []string{"SELECT on tagexec.role_rights", "SELECT on tagexec.schema_versions"}
	up(t, db)
	checkSame(t, "rights by default", held(), stated)
	db.Exec("GRANT SELECT ON tagreport.jobs TO " + reader)
	upFrom(t, db, nextVersion(t))
	checkSame(t, "rights after the next version", held(), append(stated, "SELECT on tagreport.jobs"))
}

// A group role that somebody made before us gets its rights only if it is a group.
func TestUpRefusesAGroupRoleThatMayLogIn(t *testing.T) {
	t.Parallel()
	pg := storetest.OwnServer(t, nil)
	admin := storetest.Dial(t, pg.URL("postgres"))
	may(t, admin, "CREATE ROLE tagexec_executor LOGIN CREATEDB PASSWORD 'x'")
	_, err := migrations.Up(t.Context(), pg.URL("postgres"))
	refused(t, err, "tagexec_executor (it has LOGIN, CREATEDB)")
	may(t, admin, "SELECT count(*)::text FROM pg_namespace WHERE nspname LIKE 'tag%'", "0")
	may(t, admin, "ALTER ROLE tagexec_executor NOLOGIN NOCREATEDB")
	if _, err := migrations.Up(t.Context(), pg.URL("postgres")); err != nil {
		t.Error(err)
	}
}

// Any login can hold the lock of migrations. Who waits for it says who has it.
func TestUpNamesWhoHoldsItsLock(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	name, u := db.Login("tagexec_analyst")
	may(t, storetest.Dial(t, u), fmt.Sprintf("SELECT pg_advisory_lock(%d)", migrations.LockKey))
	if applied := up(t, db); len(applied) != 0 { // who finds nothing to do needs no lock
		t.Errorf("applied %q", applied)
	}
	db.Exec(outdated)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := migrations.Up(ctx, db.URL)
	refused(t, err, "held by "+name+" (process ", "pg_terminate_backend")
	db.Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", name)
	up(t, db)
}
