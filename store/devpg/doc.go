// Package devpg runs a private PostgreSQL server for `tagexec demo`, `tagexec standalone` and the tests. It is not meant
// for production: one superuser, 127.0.0.1 only, settings made for a quick start.
//
//	server, err := devpg.Start(ctx, devpg.Options{})
//	if err != nil {
//		return err
//	}
//	defer server.Stop()
//	pool, err := pgxpool.New(ctx, server.URL("postgres"))
//
// # Binaries
//
// Installed server binaries (PostgreSQL 14 or newer) are used where they are found: beside the initdb or postgres in
// PATH, in `pg_config --bindir`, in the usual directories. Else they are downloaded from Maven Central, once, to the
// user's cache directory, for root to /var/cache/tagexec. Nothing is downloaded while installed binaries fit.
//
// [VersionVariable] chooses one major version. Others are passed over then, also installed ones. Data that exists keeps its
// version: Start refuses to run it with another one.
//
// # Root
//
// PostgreSQL refuses to run as root. For root the server therefore runs as the owner of the data it is given, for new data
// as postgres or, where there is no such user, as nobody.
//
// # A data directory
//
//	devpg.lock    locked while a server lives; holds the process id of the one who started it
//	password      of the superuser, made up at random
//	port          the one used last (kept directories only)
//	postgres.log  what the server said; postgres.log.1 is the part before
//	data/         PostgreSQL's own files
//
// # No server is left behind
//
// Whatever ends the process that called [Start], kill -9 included, ends the server: on Linux the kernel tells the server of
// it, elsewhere a small shell waits for it. The lock is passed on to the server, so it is free only when both are gone: a
// throwaway directory whose lock is free is left over from a killed process, and the next Start removes it.
package devpg
