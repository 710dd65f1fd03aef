package page_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/page"
	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store/storetest"
)

// secret is in what only viewers may see: payload, result and output.
const secret = "only for viewers"

// secretive is a queue with a job of each kind, and the secret in them.
func secretive(db *storetest.DB) (job int64) {
	job = db.Fill("a", "")
	db.Exec("ALTER TABLE tagexec.tag_past_attempts DISABLE TRIGGER USER")
	for _, sql := range []string{
		`UPDATE tagexec.tag_jobs SET payload = jsonb_build_object('statement', $1::text), result = CASE WHEN state = 'succeeded' THEN jsonb_build_object('said', $1::text) END, last_output = CASE WHEN last_output IS NOT NULL THEN $1 END`,
		"UPDATE tagexec.tag_past_attempts SET output = $1",
		"UPDATE tagexec.tag_live_output SET chunk = $1",
	} {
		db.Exec(sql, secret)
	}
	db.Exec("ALTER TABLE tagexec.tag_past_attempts ENABLE TRIGGER USER")
	return job
}

// paths are the pages of all routes on the queue that secretive makes, and its lists in
// each format.
func paths(db *storetest.DB) (list []string) {
	jobs := storetest.All[string](db, "SELECT id::text FROM tagexec.tag_jobs")
	for _, route := range page.Routes() {
		path, get := strings.CutPrefix(strings.TrimSuffix(route, "{$}"), "GET ")
		switch {
		case !get || strings.HasPrefix(path, "/assets") || strings.HasPrefix(path, "/do/"):
		case strings.Contains(path, "{id}"):
			for _, job := range jobs {
				list = append(list, strings.ReplaceAll(path, "{id}", job))
			}
		default:
			list = append(list, parameter.ReplaceAllString(path, "a"))
		}
	}
	for _, path := range list {
		list = append(list, path+"?format=csv", path+"?format=json")
	}
	return list
}

// What the page's login may is what its visitors see and do, at most.
func TestTheDatabaseHoldsTheRights(t *testing.T) {
	t.Parallel()
	for role, olus := range map[string]struct{ sees, acts bool }{
		"tagexec_operator": {true, true},
		"tagexec_viewer":   {sees: true},
		"tagexec_executor": {sees: true},
		"tagexec_analyst":  {},
		"tagexec_producer": {},
		"superuser":        {true, true},
	} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			secretive(db)
			url := db.URL
			if role != "superuser" {
				_, url = db.Login(role)
			}
			checkRights(t, db, newPage(t, url), olus.sees, olus.acts)
		})
	}
}

// checkRights looks what olu and vera see of a queue and do to it.
func checkRights(t *testing.T, db *storetest.DB, p *page.Page, sees, acts bool) {
	t.Helper()
	seen := false
	for _, path := range paths(db) {
		for _, user := range []string{olu, vera} {
			got := as(t, p, user).get(path)
			seen = seen || strings.Contains(got.Body, secret)
			if !sees {
				got.lacks(secret)
			}
			if user == vera || !acts {
				got.lacks("/do/")
			}
			if got.Code >= 500 || got.Code == 403 && sees && !strings.HasPrefix(path, "/doctor") {
				t.Errorf("%s: %d\n%s", got.asked, got.Code, got.Body)
			}
		}
	}
	if sees && !seen && hasContent() {
		t.Error("nobody sees what a viewer may")
	}
	before := storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_operator_actions")
	resume := []string{"pool", "a", "reason", "why"}
	as(t, p, vera).post("/do/resume-pool", resume...).want(403, "may look and not act")
	if !acts {
		as(t, p, olu).get("/do/resume-pool?pool=a").want(403, "GRANT tagexec_operator TO it")
		as(t, p, olu).post("/do/resume-pool", resume...).want(403, "GRANT tagexec_operator TO it")
		storetest.Check(t, "actions", storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_operator_actions")-before, "0")
		return
	}
	as(t, p, olu).get("/batches/a").want(200, "/do/cancel-batch")
	as(t, p, olu).post("/do/resume-pool", resume...).want(303)
	storetest.Check(t, "on record", storetest.All[string](db, "SELECT concat_ws(' ', action, pool, reason, ui_user) FROM tagexec.tag_operator_actions ORDER BY id DESC LIMIT 1"), "[change_pool a why olu]")
}

// hasContent reports whether there is a page that shows payload, result or output.
func hasContent() bool {
	for _, route := range page.Routes() {
		if strings.HasPrefix(route, "GET /jobs/{id}") {
			return true
		}
	}
	return false
}

// What was asked for an operator is not shown to somebody who may see less.
func TestWhatIsKeptIsKeptByRights(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	secretive(db)
	db.Exec(`REVOKE SELECT ON tagexec.tag_jobs, tagexec.tag_job_attempts FROM tagexec_viewer;
	         REVOKE EXECUTE ON FUNCTION tagexec.live_output, tagexec.watch_output FROM tagexec_viewer`)
	name, url := db.Login("tagexec_operator")
	db.Exec("GRANT tagexec_viewer TO " + name)
	p := newPage(t, url)
	for _, path := range paths(db) {
		as(t, p, olu).get(path).want(200)
		as(t, p, vera).get(path).lacks(secret)
	}
}

// On a server of its own there is an owner who may make roles, and one who may not.
func TestOwnersWhoMadeTheSchema(t *testing.T) {
	t.Parallel()
	for _, may := range []string{"CREATEROLE", "NOCREATEROLE"} {
		t.Run(may, func(t *testing.T) {
			t.Parallel()
			server := storetest.OwnServer(t, nil)
			admin := storetest.On(t, server.URL("postgres"))
			admin.Exec("CREATE ROLE maker LOGIN PASSWORD 'x' " + may)
			admin.Exec("CREATE DATABASE q OWNER maker")
			url := storetest.As(t, server.URL("q"), "maker")
			if _, err := migrations.Up(t.Context(), url); err != nil {
				t.Fatal(err)
			}
			storetest.Check(t, "roles", storetest.One[bool](admin, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tagexec_operator')"), fmt.Sprint(may == "CREATEROLE"))
			db := storetest.On(t, server.URL("q"))
			secretive(db)
			checkRights(t, db, newPage(t, url), true, true)
		})
	}
}

// A page without a schema, and a login without any right, say what to do.
func TestNoSchemaAndNoRights(t *testing.T) {
	t.Parallel()
	as(t, newPage(t, storetest.Empty(t).URL), olu).get("/").want(503, "tagexec migrate up")
	_, url := storetest.New(t).Login("")
	as(t, newPage(t, url), olu).get("/batches").want(403, "GRANT tagexec_analyst TO it")
}

// A page whose database goes away shows what it knows, and of when that is, for longer
// than rights are kept.
func TestADatabaseThatIsAway(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Insert(storetest.Row{"batch": "b"})
	silent := storetest.NewSilent(t, db.URL, 0)
	p := newPage(t, silent.URL)
	as(t, p, vera).get("/batches/b").want(200, "b").lacks("as of")
	silent.Close()
	p.Forget()
	as(t, p, vera).get("/batches/b").want(200, "This is as of", `href="/jobs?batch=b`)
	as(t, p, vera).get("/batches/c").want(503, "The database does not answer")
	as(t, p, olu).get("/batches/b").want(503, "The database does not answer")
}
