// Package runner holds what a job can be: a SQL transaction (SQL), a command
// (Command) or an HTTP request (HTTP). Each is an executor.Runner, is made by
// a constructor that lists everything wrong with its configuration, and may be
// used from any number of goroutines.
//
// All three treat a job the same way:
//
//   - The payload is read strictly. An unknown field, a wrong type or a
//     contradiction is the final failure bad_payload, and its text names the
//     field and what would be right.
//   - Only what the configuration lists is run, whatever a row says. A source,
//     command, variable, origin or secret that is not listed here is a failure
//     that may be tried again, since another executor may have it; nothing has
//     been run by then.
//   - When the context ends, the work itself is ended: the server's statement,
//     the process group, the request. The error then wraps context.Cause.
//   - Output is kept as a head and a tail (Capture), so a job's memory does not
//     grow with what it prints. Texts may hold any bytes: the executor makes
//     them storable.
package runner
