package devpg

// WithoutInstalled returns the options as on a machine without PostgreSQL, with downloads kept in cache.
func WithoutInstalled(o Options, cache string) Options {
	o.binaries = &finder{caches: []string{cache}}
	return o
}
