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
//   - Only what the configuration lists is run, whatever a row says.
//   - An attempt in which nothing ran for want of something here ends with an
//     *executor.Unavailable: no connection, an engine that is full, or a source, command, variable, origin
//     or secret that is not there or not listed. Another executor may have it. What
//     may have been sent is a failure. Each is an executor.Prober.
//   - When the context ends, the work itself is ended: the server's statement,
//     the command with all it started, the request. The error then wraps context.Cause.
//   - Output is kept as a head and a tail (Capture), so a job's memory does not
//     grow with what it prints. Texts may hold any bytes: the executor makes
//     them storable.
//
// # Memory
//
// What a job returns and prints is bounded while it streams: the first row of a
// SQL job (1 MiB; the others are dropped), errors and notices of a server (64 kB
// each), the body of an answer (1 MiB, unpacked) and its header (64 kB), a line of
// a command's output that may become its result or error (64 kB), a result
// (256 kB), an output (64 kB). So an executor with 16 workers stays below 512 MB,
// whatever its jobs do; 170 MB was the most that was seen with
// the hungriest of each at once (TestMemoryIsBoundedWhateverJobsReturn in
// cmd/tagexec).
//
// # Who reads what
//
// The error of an attempt is for everybody who may read tagreport. It says what
// is wrong and where, in our words or in those of the server without the values
// that it quotes; the one text of a job's own in it is the last line that a
// command wrote to its standard error. Output and result are for those who may
// read payloads, and hold the rest: a server's whole message, the body of an
// answer. Secrets of headers stand in neither, nor do passwords of URLs.
package runner
