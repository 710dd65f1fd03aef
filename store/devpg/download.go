package devpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// downloadedMajor is the PostgreSQL version for new data where none is installed.
const downloadedMajor = 17

// downloads are the versions that the library offers and we work with.
var downloads = map[int]embeddedpostgres.PostgresVersion{
	14: embeddedpostgres.V14,
	15: embeddedpostgres.V15,
	16: embeddedpostgres.V16,
	17: embeddedpostgres.V17,
	18: embeddedpostgres.V18,
}

// cacheDirectories are where downloads may be kept: for root where other users can read them, else the user's own.
func cacheDirectories() []string {
	last := filepath.Join(os.TempDir(), "tagexec-cache-"+strconv.Itoa(os.Geteuid()))
	if os.Geteuid() == 0 {
		return []string{"/var/cache/tagexec", last}
	}
	if dir, err := os.UserCacheDir(); err == nil {
		return []string{filepath.Join(dir, "tagexec"), last}
	}
	return []string{last}
}

// downloaded returns binaries from the cache, and downloads them before if need be. One process downloads, others wait.
func (f *finder) downloaded(ctx context.Context, a account, major int, log func(string, ...any)) (binaries, error) {
	if major == 0 {
		major = downloadedMajor
	}
	version, ok := downloads[major]
	if !ok {
		return binaries{}, fmt.Errorf("there are no binaries of PostgreSQL %d to download", major)
	}
	name := fmt.Sprintf("postgresql-%s-%s-%s", version, runtime.GOOS, runtime.GOARCH)
	for _, cache := range f.caches {
		if b, err := probe(ctx, a, filepath.Join(cache, name, "bin")); err == nil && checkCache(cache) == nil {
			return b, nil
		}
	}
	cache, err := f.makeCache()
	if err != nil {
		return binaries{}, err
	}
	lock, err := waitLock(ctx, filepath.Join(cache, lockName))
	if err != nil {
		return binaries{}, err
	}
	defer lock.Close()
	bin := filepath.Join(cache, name, "bin")
	if b, err := probe(ctx, a, bin); err == nil {
		return b, nil
	}
	log("downloading PostgreSQL %s to %s (about 15 MB)", version, cache)
	if err := download(ctx, a, version, cache, name); err != nil {
		return binaries{}, fmt.Errorf("download PostgreSQL %s from %s: %w", version, repository(), err)
	}
	return probe(ctx, a, bin)
}

func (f *finder) makeCache() (string, error) {
	var errs []error
	for _, cache := range f.caches {
		err := os.MkdirAll(cache, 0o755)
		if err == nil {
			err = checkCache(cache)
		}
		if err == nil {
			return cache, nil
		}
		errs = append(errs, err)
	}
	return "", fmt.Errorf("make a cache for PostgreSQL: %w", errors.Join(errs...))
}

// checkCache: below /tmp anybody may have made it, and we run what is in it.
func checkCache(cache string) error {
	info, err := os.Lstat(cache)
	if err != nil {
		return err
	}
	if !info.IsDir() || info.Mode().Perm()&0o022 != 0 || info.Sys().(*syscall.Stat_t).Uid != uint32(os.Geteuid()) {
		return fmt.Errorf("%s is not a directory of ours that only we can write to", cache)
	}
	return nil
}

// download puts cache/name in place once it is complete and the account can run it.
func download(ctx context.Context, a account, version embeddedpostgres.PostgresVersion, cache, name string) (err error) {
	// The lock is ours: what is there was left by a process that was killed.
	leftovers, _ := filepath.Glob(filepath.Join(cache, "download-*")) // fails only for a bad pattern
	for _, leftover := range append(leftovers, filepath.Join(cache, name)) {
		if err := os.RemoveAll(leftover); err != nil {
			return err
		}
	}
	beside, err := os.MkdirTemp(cache, "download-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(beside)) }()
	extracted := filepath.Join(beside, "extracted")
	if err := extract(ctx, version, beside, extracted); err != nil {
		return err
	}
	for _, dir := range []string{cache, beside} {
		if err := os.Chmod(dir, 0o755); err != nil {
			return err
		}
	}
	if err := makeReadable(extracted); err != nil {
		return err
	}
	if _, err := probe(ctx, a, filepath.Join(extracted, "bin")); err != nil {
		return err
	}
	return os.Rename(extracted, filepath.Join(cache, name))
}

// extract lets the library download and extract, which it can only as the first part of starting a server. That server we do not
// want, least of all as root: a data directory that ends in a dot cannot be removed, by definition of os.RemoveAll,
// and this is the very next thing that the library tries. Whether it got there is seen by its error.
func extract(ctx context.Context, version embeddedpostgres.PostgresVersion, work, into string) error {
	relay, err := startRelay(ctx)
	if err != nil {
		return err
	}
	data := filepath.Join(work, "none") + string(filepath.Separator) + "."
	library := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().
		Version(version).
		Port(0).
		BinaryRepositoryURL(relay.url).
		CachePath(work).
		RuntimePath(filepath.Join(work, "run")).
		BinariesPath(into).
		DataPath(data).
		Logger(io.Discard))
	err = library.Start()
	removeLibraryLog(library)
	if relayErr := relay.stop(); relayErr != nil {
		return relayErr
	}
	if err == nil || !strings.HasPrefix(err.Error(), "unable to clean up data directory "+data) {
		return fmt.Errorf("extract: %w", err)
	}
	return nil
}

// removeLibraryLog removes the file that the library makes in os.TempDir for each start and forgets. That it is ours is known
// from our open files; where there is no /proc it stays, an empty file.
func removeLibraryLog(library *embeddedpostgres.EmbeddedPostgres) {
	files, _ := filepath.Glob("/proc/self/fd/*") // fails only for a bad pattern
	for _, file := range files {
		if path, err := os.Readlink(file); err == nil && strings.HasPrefix(path, filepath.Join(os.TempDir(), "embedded_postgres_log")) {
			_ = os.Remove(path)
		}
	}
	runtime.KeepAlive(library) // until here, so that its file is open
}

// makeReadable undoes a strict umask.
func makeReadable(dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		own := info.Mode().Perm() & 0o500
		return os.Chmod(path, info.Mode().Perm()|own>>3|own>>6)
	})
}
