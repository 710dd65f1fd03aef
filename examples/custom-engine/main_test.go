package main

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store/devpg"
)

func TestJobsRunOnAnEngineOfOnesOwn(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	server, err := devpg.Start(ctx, devpg.Options{Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	queue := server.URL("postgres")
	if _, err := migrations.Up(ctx, queue); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(ctx, queue)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	const jobs = `[
		{"tag": "high_value", "biz_date": "2026-11-22", "payload": {"statements": [
			{"statement": "CREATE TABLE user_tags (user_id INTEGER, tag TEXT, day TEXT)"},
			{"statement": "INSERT INTO user_tags VALUES (1, ?, ?), (9223372036854775807, ?, ?)",
			 "args": [{"$job": "tag"}, {"$job": "biz_date"}, {"$job": "tag"}, {"$job": "biz_date"}]},
			{"statement": "SELECT count(*) AS users, max(user_id) AS last, min(day) AS day FROM user_tags WHERE tag = ?", "args": [{"$job": "tag"}]}]}},
		{"tag": "broken", "max_attempts": 1, "payload": {"statements": [{"statement": "CREATE TABLE stays (a)"}, {"statement": "SELECT nothing"}]}},
		{"tag": "late", "max_attempts": 1, "timeout_seconds": 1, "payload": {"statement":
			"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"}}]`
	if _, err := conn.Exec(ctx, "SELECT tagexec.submit_jobs('custom', $1)", jobs); err != nil {
		t.Fatal(err)
	}
	serving, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- serve(serving, queue, "sqlite://"+filepath.Join(t.TempDir(), "tags.db")) }()
	for settled := false; !settled; {
		select {
		case err := <-served:
			t.Fatalf("it ended early: %v", err)
		case <-time.After(50 * time.Millisecond):
		}
		if err := conn.QueryRow(ctx, "SELECT tagexec.batch_settled('custom')").Scan(&settled); err != nil {
			t.Fatal(err)
		}
	}
	for tag, want := range map[string]string{
		"high_value": `succeeded 2 {"day": "2026-11-22", "last": 9223372036854775807, "users": 2}`,
		"broken":     "failed - error the engine refused it; the output says why",
		"late":       "failed - timeout stopped when its time of 1s was over",
	} {
		var got string
		if err := conn.QueryRow(ctx, `
			SELECT concat_ws(' ', state, coalesce(rows_affected::text, '-'), result::text, error_code, regexp_replace(error, '^statement . of .: ', ''))
			  FROM tagexec.tag_jobs WHERE tag = $1`, tag).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s: got  %s\nwant %s", tag, got, want)
		}
	}
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}
