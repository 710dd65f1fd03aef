package devpg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// downloadedMajor is the PostgreSQL version for new data where none is installed.
const downloadedMajor = 17

// downloads are the versions that Maven Central has for every platform, by major version.
var downloads = map[int]string{
	14: "14.15.0",
	15: "15.19.0",
	16: "16.15.0",
	17: "17.11.0",
	18: "18.6.0",
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
	jar, err := jarFor(f.repository, major)
	if err != nil {
		return binaries{}, err
	}
	for _, cache := range f.caches {
		if b, err := probe(ctx, a, filepath.Join(cache, jar.directory(), "bin")); err == nil && checkCache(cache) == nil {
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
	into := filepath.Join(cache, jar.directory())
	bin := filepath.Join(into, "bin")
	if b, err := probe(ctx, a, bin); err == nil || ctx.Err() != nil {
		return b, err
	}
	log("downloading PostgreSQL %s to %s (some ten MB)", jar.version, into)
	if err := download(ctx, a, jar, cache); err != nil {
		return binaries{}, fmt.Errorf("download PostgreSQL %s: %w", jar.version, err)
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

// download puts the content of the jar in place once it is complete and the account can run it. What stood there until then is of
// no use to us, but a server of another account may still run from it.
func download(ctx context.Context, a account, jar jar, cache string) (err error) {
	into := filepath.Join(cache, jar.directory())
	// The caller holds the lock, so what is there was left by a process that was killed.
	leftovers, _ := filepath.Glob(filepath.Join(cache, "download-*")) // fails only for a bad pattern
	for _, leftover := range leftovers {
		if err := os.RemoveAll(leftover); err != nil {
			return err
		}
	}
	beside, err := os.MkdirTemp(cache, "download-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(beside)) }()
	file, unpacked := filepath.Join(beside, "jar"), filepath.Join(beside, "unpacked")
	if err := jar.fetch(ctx, file); err != nil {
		return err
	}
	if err := unpack(ctx, file, unpacked); err != nil {
		return fmt.Errorf("unpack %s: %w", jar.url, err)
	}
	for _, dir := range []string{cache, beside} {
		if err := os.Chmod(dir, 0o755); err != nil {
			return err
		}
	}
	if err := makeReadable(unpacked); err != nil {
		return err
	}
	if _, err := probe(ctx, a, filepath.Join(unpacked, "bin")); err != nil {
		return err
	}
	if err := os.Rename(into, filepath.Join(beside, "replaced")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Rename(unpacked, into)
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
