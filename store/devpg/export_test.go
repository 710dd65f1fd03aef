package devpg

import "context"

// WithoutInstalled returns the options as on a machine without PostgreSQL, with downloads kept in cache.
func WithoutInstalled(o Options, cache string) Options {
	o.binaries = &finder{caches: []string{cache}, repository: mavenCentral}
	return o
}

// FindDownloaded returns the version of the binaries that Start would use on a machine without PostgreSQL.
func FindDownloaded(ctx context.Context, repository, cache string) (version string, err error) {
	f := &finder{caches: []string{cache}, repository: repository}
	b, err := f.find(ctx, serverAccount(cache+"/none"), 0, func(string, ...any) {})
	return b.version, err
}

// Unpack is unpack.
var Unpack = unpack
