// Package bench measures the queue: `tagexec-bench drain`, `limits` and so on.
//
// A scenario compares variants with baselines. A variant is our engine on one
// kind of queue. A baseline is the same statements without an engine (floor),
// a peer, or our engine on another kind of queue. All of them run in turns, A B A
// B, so that a machine whose speed drifts is unfair to none. Ratios are taken
// between runs of the same turn.
//
//	                  ┌─ a fresh copy of a seeded queue ─┐
//	tagexec-bench ────┤                                  ├─ counters of the server, before and after
//	  go ▼  ▲ stored  └──────────────────────────────────┘
//	tagexec-bench worker (one or several processes of one run)
//
// Each run has processes of its own, so that its memory and CPU are measured
// apart from ours. A process reports what it has stored and when. The clock runs
// from the line "go" to the last stored result; a query then confirms the count.
package bench
