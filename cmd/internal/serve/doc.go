// Package serve is an executor as a process: set up from the configuration, with
// health endpoints, until a signal ends it. tagexec-bench runs the same under
// chaos.
package serve
