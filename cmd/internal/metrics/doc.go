// Package metrics gives Prometheus the numbers of one executor and of its queue.
//
// What the executor does is counted as it happens: [Metrics] is its
// executor.Observer. What the queue holds is read when somebody scrapes, by one
// statement at most every ten seconds (queue.go); every executor gives the same
// answer, so queries take the max of them.
//
// Labels are bounded: kinds that the executor runs, pools (the first 200, then
// "other"), outcomes, operations and classes of errors. No tag, no batch, no job.
package metrics
