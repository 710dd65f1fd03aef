package runner_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/store/storetest"
)

// liveJobs is an executor on a database of its own, and who watches its jobs.
type liveJobs struct {
	t  *testing.T
	db *storetest.DB
}

func startLiveJobs(t *testing.T, db *storetest.DB, runners executor.Runners) *liveJobs {
	t.Helper()
	pool, err := executor.New(db.Store(), executor.Config{Runners: runners, Workers: 2, PollInterval: 20 * time.Millisecond, Heartbeat: 200 * time.Millisecond, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := pool.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return &liveJobs{t, db}
}

// shown watches a job and returns what is shown of it.
func (l *liveJobs) shown(id int64) string {
	l.db.Exec("SELECT tagexec.watch_output($1)", id)
	return storetest.One[string](l.db, "SELECT coalesce(string_agg(chunk, '' ORDER BY at_byte), '') FROM tagexec.live_output($1, 1, 0)", id)
}

// shows watches a job until what is shown of it is as a regular expression says.
func (l *liveJobs) shows(id int64, want string) {
	l.t.Helper()
	got := ""
	defer func() {
		if l.t.Failed() {
			l.t.Logf("%q is shown, want %q", got, want)
		}
	}()
	storetest.Eventually(l.t, "the output is shown", func() bool {
		got = l.shown(id)
		return regexp.MustCompile("^(" + want + ")$").MatchString(got)
	})
}

// records waits until a job has succeeded and its output is this.
func (l *liveJobs) records(id int64, want string) {
	l.t.Helper()
	storetest.Eventually(l.t, "the job succeeds", func() bool { return l.db.State(id) == "succeeded" })
	got := storetest.One[string](l.db, "SELECT output FROM tagexec.tag_job_attempts WHERE job_id = $1", id)
	if !regexp.MustCompile("^(" + want + ")$").MatchString(got) {
		l.t.Errorf("recorded %q, want %q", got, want)
	}
}

func TestLiveOutputOfASQLJobIsWhatTheServerSaysAndHowFarItIs(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("CREATE TABLE gate (open boolean); INSERT INTO gate VALUES (false)")
	l := startLiveJobs(t, db, executor.Runners{"sql": newSQL(t, map[string]string{"db": db.URL}, runner.SQLOptions{})})
	id := db.Insert(storetest.Row{"payload": string(storetest.JSON(map[string]any{"statements": []map[string]any{
		{"statement": "SELECT 1"},
		{"statement": "SELECT pg_sleep(1)"},
		{"statement": "DO $$ BEGIN RAISE NOTICE 'halfway'; WHILE NOT (SELECT open FROM gate) LOOP PERFORM pg_sleep(0.01); END LOOP; END $$"},
		{"statement": "SELECT 2"},
	}}))})[0]
	// On a machine that is busy the others take a second too.
	const begin = `(statement 1 of 4, \d+ s\n)?statement 2 of 4, \d+ s\nNOTICE: halfway\n`
	l.shows(id, begin)
	db.Exec("UPDATE gate SET open = true")
	l.records(id, begin+`(statement [34] of 4, \d+ s\n)*`)
}

func TestLiveOutputOfARequestIsItsAnswerAsItComes(t *testing.T) {
	t.Parallel()
	lines, answered := make(chan string), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		contentType := r.URL.Query().Get("type")
		w.Header().Set("Content-Type", contentType)
		if contentType != "text/plain" {
			fmt.Fprint(w, "caf\xe9 \n")
			w.(http.Flusher).Flush()
			answered <- struct{}{}
			<-r.Context().Done()
		}
		for line := range lines {
			fmt.Fprintln(w, line)
			w.(http.Flusher).Flush()
		}
	}))
	t.Cleanup(server.Close)
	secrets := t.TempDir()
	if err := os.WriteFile(filepath.Join(secrets, "api"), []byte(server.URL+"\nBearer s3cr3t-token-1234\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	db := storetest.New(t)
	l := startLiveJobs(t, db, executor.Runners{"http": newHTTP(t, runner.HTTPOptions{Origins: []string{server.URL}, SecretsDir: secrets})})
	request := func(contentType string) int64 {
		return db.Insert(storetest.Row{"kind": "http", "payload": string(storetest.JSON(map[string]any{
			"url": server.URL + "?type=" + url.QueryEscape(contentType), "headers": map[string]any{"Authorization": map[string]string{"secret": "api"}},
		}))})[0]
	}
	id := request("text/plain")
	lines <- "one"
	l.shows(id, "one\n")
	lines <- "you sent s3cr3t-token-1234"
	l.shows(id, `one\nyou sent \[redacted\]\n`)

	// What becomes another text when it is complete is not shown before.
	latin := request("text/plain;charset=iso-8859-1")
	<-answered
	for _, line := range []string{"two", "three", "four"} {
		storetest.Check(t, "shown", l.shown(latin), "")
		lines <- line
		l.shows(id, `one\nyou sent \[redacted\]\n(.*\n)*`+line+`\n`)
	}
	storetest.Check(t, "shown", l.shown(latin), "")
	close(lines)
	l.records(id, `one\nyou sent \[redacted\]\ntwo\nthree\nfour\n`)
}
