package devpg_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tagexec/tagexec/store/devpg"
)

// TestBinariesAreDownloadedOnceWhereThereAreNone needs Maven Central (about 15 MB).
func TestBinariesAreDownloadedOnceWhereThereAreNone(t *testing.T) {
	t.Parallel()
	cache := newDir(t)
	var mu sync.Mutex // guards downloads
	downloads := 0
	options := devpg.WithoutInstalled(devpg.Options{Fast: true, Log: func(format string, _ ...any) {
		mu.Lock()
		defer mu.Unlock()
		if strings.HasPrefix(format, "downloading") {
			downloads++
		}
	}}, cache)

	// Left by a process that was killed.
	if err := os.Mkdir(filepath.Join(cache, "download-123"), 0o700); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			server, err := devpg.Start(t.Context(), options)
			if err != nil {
				t.Error(err)
				return
			}
			defer stop(t, server)
			if got := query(t, server.URL("postgres"), "SHOW server_version"); !strings.HasPrefix(got, "17.") || got != server.Version() {
				t.Errorf("server version = %q, Version() = %q, want 17.x", got, server.Version())
			}
		})
	}
	group.Wait()
	if downloads != 1 {
		t.Errorf("%d downloads, want 1", downloads)
	}
	entries, err := os.ReadDir(cache)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "devpg.lock" && !strings.HasPrefix(e.Name(), "postgresql-17.") {
			t.Errorf("left in the cache: %s", e.Name())
		}
	}
}

// Not parallel: the library lets one download run at a time, and this one would wait for the other.
func TestADownloadThatIsCancelledLeavesNothing(t *testing.T) {
	cache := newDir(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	options := devpg.WithoutInstalled(devpg.Options{Log: func(format string, _ ...any) {
		if strings.HasPrefix(format, "downloading") {
			cancel()
		}
	}}, cache)
	_, err := devpg.Start(ctx, options)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want the cancellation", err)
	}
	entries, err := os.ReadDir(cache)
	if err != nil || len(entries) != 1 {
		t.Errorf("left in the cache: %v, %v; want the lock only", entries, err)
	}
}
