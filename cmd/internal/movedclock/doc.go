// Package movedclock moves the clock of one Postgres server while it runs, and
// nobody else's. Tests and `tagexec-bench chaos` use it.
//
// It compiles a small library, which the server loads before the C library
// ([devpg.Options].Preload). So it needs Linux and a C compiler.
//
// [devpg.Options]: https://pkg.go.dev/github.com/tagexec/tagexec/store/devpg#Options
package movedclock
