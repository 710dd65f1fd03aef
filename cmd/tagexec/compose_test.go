package main

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/store/storetest"
)

// docker-compose.yml on a server as its image makes it: its script of logins, its
// migration, and an executor with its URLs.
func TestComposeRunsJobsWithALoginOfAnExecutor(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	compose := string(text)
	_, script, _ := strings.Cut(compose, "    content: |\n")
	script, _, _ = strings.Cut(script, "\n\n")

	pg := storetest.OwnServer(t, nil)
	admin := storetest.Dial(t, pg.URL("postgres"))
	for _, sql := range []string{"CREATE ROLE tagexec SUPERUSER LOGIN PASSWORD 'tagexec'", "CREATE DATABASE tagexec OWNER tagexec"} {
		if _, err := admin.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	here, err := url.Parse(pg.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	var urls []string // of migrate, of executor and of the page, in the order of the file
	for _, match := range regexp.MustCompile(`TAGEXEC_(?:DATABASE_URL|SQL_SOURCES): (\S+)`).FindAllStringSubmatch(compose, -1) {
		urls = append(urls, strings.Replace(match[1], "postgres:5432", here.Host, 1))
	}
	if len(urls) != 4 {
		t.Fatalf("found the URLs %q", urls)
	}
	owner := storetest.Dial(t, urls[0])
	for _, sql := range strings.Split(script, ";\n") { // as psql, one by one
		if _, err := owner.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	if code := clitest.Launch(t, "tagexec", []string{"migrate", "up"}, "TAGEXEC_DATABASE_URL="+urls[0]).Exit(); code != 0 {
		t.Fatalf("migrate up: exit code %d", code)
	}
	p := clitest.Launch(t, "tagexec", []string{"serve"}, "TAGEXEC_DATABASE_URL="+urls[1], "TAGEXEC_SQL_SOURCES="+urls[2],
		"TAGEXEC_HTTP_ADDR=127.0.0.1:0", "TAGEXEC_POLL_INTERVAL=20ms")
	const insert = `INSERT INTO tagexec.tag_jobs (tag, payload) VALUES ('who', '{"statement": "SELECT session_user"}')`
	if _, err := owner.Exec(t.Context(), insert); err != nil {
		t.Fatal(err)
	}
	const ask = "SELECT concat_ws(' ', state, result ->> 'session_user') FROM tagexec.tag_jobs"
	var got string
	clitest.Eventually(t, "the end of the job", func() bool {
		if err := owner.QueryRow(t.Context(), ask).Scan(&got); err != nil {
			t.Fatal(err)
		}
		return got != "pending" && got != "running"
	})
	storetest.Check(t, "the job", got, "succeeded jobs")
	const rights = `
SELECT format('%s, superuser %s, submits %s, jobs reach the queue %s', usename, usesuper,
              has_function_privilege(usename, 'tagexec.submit_jobs(text, jsonb, jsonb, text)', 'EXECUTE'), has_database_privilege('jobs', 'tagexec', 'CONNECT'))
  FROM pg_user JOIN pg_stat_activity USING (usename)
 WHERE application_name = 'tagexec'
 LIMIT 1`
	if err := owner.QueryRow(t.Context(), rights).Scan(&got); err != nil {
		t.Fatal(err)
	}
	storetest.Check(t, "the executor's login", got, "executor, superuser f, submits f, jobs reach the queue f")
	p.Signal(syscall.SIGTERM)
	if code := p.Exit(); code != 143 {
		t.Errorf("exit code %d after SIGTERM, want 143", code)
	}
	page := clitest.Launch(t, "tagexec", []string{"dashboard"}, "TAGEXEC_DATABASE_URL="+urls[3], "TAGEXEC_HTTP_ADDR=127.0.0.1:0", "TAGEXEC_HTTP_USER=operator", "TAGEXEC_HTTP_PASSWORD=operator")
	clitest.Eventually(t, "the address of the page", func() bool { return strings.HasSuffix(page.Out.String(), "/\n") })
	asked, err := http.NewRequest(http.MethodGet, strings.TrimSpace(page.Out.String())+"pools/default", nil)
	if err != nil {
		t.Fatal(err)
	}
	asked.SetBasicAuth("operator", "operator")
	answer, err := http.DefaultClient.Do(asked)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, _ := io.ReadAll(answer.Body); !strings.Contains(string(body), "/do/pause-pool") {
		t.Errorf("the page has no button: %s", body)
	}
}
