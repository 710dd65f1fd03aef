// Package bench measures the queue: `tagexec bench drain` and its sisters.
//
// A scenario is a race of sides: our engine on one kind of queue, and what it is
// compared with: the same statements without an engine (floor), River, or our
// engine on another kind of queue. They run in turns, A B A B, so that a machine
// whose speed drifts is unfair to nobody, and ratios are taken between runs of
// the same turn.
//
//	                  ┌─ a fresh copy of a seeded queue ─┐
//	tagexec bench ────┤                                  ├─ counters of the server, before and after
//	  go ▼  ▲ stored  └──────────────────────────────────┘
//	tagexec bench worker (one or several processes of one side)
//
// Each side has processes of its own, so that memory and CPU are told apart. A
// process says what it has stored and when; the clock runs from the word "go" to
// the last stored result, and a query then confirms the count.
package bench
