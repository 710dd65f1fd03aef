package movedclock_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/cmd/internal/movedclock"
	"github.com/tagexec/tagexec/store/devpg"
)

func TestTheServersClockIsSetWhileItRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// As root the server runs as another user, who must get there.
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	clock, err := movedclock.New(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	server, err := devpg.Start(t.Context(), devpg.Options{Fast: true, Preload: clock.Library})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	conn, err := pgx.Connect(t.Context(), server.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	for _, offset := range []time.Duration{0, 7 * time.Second, 8 * time.Hour, -time.Minute, 0} {
		if err := clock.Set(offset); err != nil {
			t.Fatal(err)
		}
		least := time.Now()
		var now time.Time
		if err := conn.QueryRow(t.Context(), "SELECT clock_timestamp()").Scan(&now); err != nil {
			t.Fatal(err)
		}
		// Postgres's times have microseconds.
		if now = now.Add(-offset); now.Before(least.Truncate(time.Microsecond)) || now.After(time.Now()) {
			t.Errorf("with the clock %s off, the server's is off by %s", offset, time.Until(now.Add(offset)))
		}
	}
}

func TestWithoutACompilerThereIsNoClockToMove(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := movedclock.New(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "there is no cc in PATH") {
		t.Errorf("%v", err)
	}
}
