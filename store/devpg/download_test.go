package devpg_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/tagexec/tagexec/store/devpg"
)

// TestBinariesAreDownloadedOnceWhereThereAreNone needs Maven Central (about 15 MB).
func TestBinariesAreDownloadedOnceWhereThereAreNone(t *testing.T) {
	t.Parallel()
	want := cmp.Or(os.Getenv(devpg.VersionVariable), "17") + "."
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
			if got := query(t, server.URL("postgres"), "SHOW server_version"); !strings.HasPrefix(got, want) || got != server.Version() {
				t.Errorf("server version = %q, Version() = %q, want %sx", got, server.Version(), want)
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
		if e.Name() != "devpg.lock" && !strings.HasPrefix(e.Name(), "postgresql-"+want) {
			t.Errorf("left in the cache: %s", e.Name())
		}
	}
}

func TestABrokenDownloadLeavesNothingAndTheNextOneWorks(t *testing.T) {
	t.Parallel()
	good := makeJar(t, programs()...)
	for _, c := range []struct {
		name    string
		archive archive
		want    string
	}{
		{"the jar is another one", archive{good, checksum([]byte("another"))}, "checksum"},
		{"there is no checksum", archive{good, ""}, "404 Not Found"},
		{"the checksum is none", archive{good, "<html>"}, "no SHA-256 checksum"},
		{"there is no jar", archive{nil, checksum(nil)}, "404 Not Found"},
		{"the jar is no zip file", withChecksum([]byte("<html>")), "not a valid zip file"},
		{"the jar is cut", withChecksum(good[:len(good)/2]), "not a valid zip file"},
		{"the jar holds something else", withChecksum(makeZip(t, "readme.txt", nil)), "no .txz file"},
		{"the .txz is no xz file", withChecksum(makeZip(t, "a.txz", bytes.Repeat([]byte("<html>"), 9))), "xz: invalid header"},
		{"the .txz is cut", withChecksum(makeZip(t, "a.txz", cut(makeTxz(t, programs()...), 100))), "unexpected EOF"},
		{"the .txz lacks only its end", withChecksum(makeZip(t, "a.txz", cut(makeTxz(t, programs()...), 1))), "EOF"},
		{"PostgreSQL is not in it", withChecksum(makeJar(t, entry{name: "readme", content: "x"})), "no such file"},
		{"a file lies above it", withChecksum(makeJar(t, entry{name: "../x", content: "x"})), "path escapes"},
		{"a file lies at the root", withChecksum(makeJar(t, entry{name: "/x", content: "x"})), "path escapes"},
		{"a link leads above it", withChecksum(makeJar(t, entry{name: "bin/x", target: "../../x"})), "outside of the archive"},
		{"a link leads to the root", withChecksum(makeJar(t, entry{name: "x", target: "/x"})), "outside of the archive"},
		{"a name comes twice", withChecksum(makeJar(t, entry{name: "x", content: "x"}, entry{name: "x", content: "y"})), "file exists"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cache := newDir(t)
			registry := newRegistry(t, c.archive)
			_, err := devpg.FindDownloaded(t.Context(), registry.URL, cache)
			wantError(t, err, "PostgreSQL 14 or newer is not installed", "download PostgreSQL 17.", c.want, "Install it")
			wantOnlyTheLock(t, cache)

			mended := withChecksum(good)
			registry.archive.Store(&mended)
			wantDownloaded(t, registry.URL, cache)
		})
	}
}

func TestADownloadWhoseConnectionBreaksLeavesNothing(t *testing.T) {
	t.Parallel()
	cache := newDir(t)
	good := withChecksum(makeJar(t, programs()...))
	broken := breaking(t, good, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	_, err := devpg.FindDownloaded(t.Context(), broken.URL, cache)
	wantError(t, err, broken.URL, "unexpected EOF")
	wantOnlyTheLock(t, cache)
	wantDownloaded(t, newRegistry(t, good).URL, cache)
}

func TestADownloadThatIsCancelledLeavesNothing(t *testing.T) {
	t.Parallel()
	cache := newDir(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	cause := errors.New("the test cancels it")
	good := withChecksum(makeJar(t, programs()...))
	hanging := breaking(t, good, func(_ http.ResponseWriter, req *http.Request) {
		cancel(cause)
		<-req.Context().Done()
	})
	_, err := devpg.FindDownloaded(ctx, hanging.URL, cache)
	if !errors.Is(err, cause) || strings.Contains(err.Error(), "install") {
		t.Errorf("error = %v, want the cause of the cancellation", err)
	}
	wantOnlyTheLock(t, cache)
	wantDownloaded(t, newRegistry(t, good).URL, cache)
}

func TestACancelledStartLeavesTheBinariesOfOthersAlone(t *testing.T) {
	t.Parallel()
	cache := newDir(t)
	registry := newRegistry(t, withChecksum(makeJar(t, programs()...)))
	wantDownloaded(t, registry.URL, cache)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := devpg.FindDownloaded(ctx, registry.URL, cache); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want that of the context", err)
	}
	if there, err := filepath.Glob(filepath.Join(cache, "postgresql-*", "bin", "postgres")); len(there) != 1 {
		t.Errorf("the binaries are gone: %v", err)
	}
}

// endsAfter is a context that ends when its error has been asked for so many times.
type endsAfter struct {
	context.Context
	left int
}

func (e *endsAfter) Err() error {
	if e.left--; e.left < 0 {
		return context.Canceled
	}
	return nil
}

func TestUnpackingIsCancelled(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	jar := filepath.Join(dir, "jar")
	random := make([]byte, 64<<10) // cannot be compressed, so that there is much to read
	_, _ = rand.Read(random)       // never fails
	must(t, os.WriteFile(jar, makeJar(t, entry{name: "large", content: string(random)}), 0o600))
	for reads := range 3 {
		err := devpg.Unpack(&endsAfter{t.Context(), reads}, jar, filepath.Join(dir, strconv.Itoa(reads)))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled at read %d: %v", reads+1, err)
		}
	}
}

func TestARegistryOutOfReachIsOneErrorThatSaysWhatHelps(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	cache := newDir(t)
	_, err := devpg.FindDownloaded(t.Context(), gone.URL, cache)
	wantError(t, err, "PostgreSQL 14 or newer is not installed", gone.URL, "connection refused", "Install it, or set HTTPS_PROXY")
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error has several lines: %v", err)
	}
	wantOnlyTheLock(t, cache)
}

func TestManyWhoNeedADownloadShareOne(t *testing.T) {
	t.Parallel()
	registry := newRegistry(t, withChecksum(makeJar(t, programs()...)))
	cache := newDir(t)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() { wantDownloaded(t, registry.URL, cache) })
	}
	group.Wait()
	if n := registry.jars.Load(); n != 1 {
		t.Errorf("%d downloads, want 1", n)
	}
}

// cut returns all but the last n bytes.
func cut(b []byte, n int) []byte { return b[:len(b)-n] }

func wantDownloaded(t *testing.T, repository, cache string) {
	t.Helper()
	version, err := devpg.FindDownloaded(t.Context(), repository, cache)
	if err != nil || version != "17.99" {
		t.Errorf("downloaded PostgreSQL %q, %v; want 17.99", version, err)
	}
}

func wantOnlyTheLock(t *testing.T, cache string) {
	t.Helper()
	entries, err := os.ReadDir(cache)
	if err != nil || len(entries) != 1 || entries[0].Name() != "devpg.lock" {
		t.Errorf("in the cache: %v, %v; want the lock only", entries, err)
	}
}
