// Package estimate says when a batch will end. It plays the claims of package store
// on the past runs of the tags, many times over, and returns an interval.
//
//	Load ─▶ Queue ─▶ past ─▶ plan ─┬▶ schedule ─┐ draw 1
//	                               ├▶ schedule ─┤ draw 2   ─▶ Estimate ─▶ Bind
//	                               └▶ schedule ─┘ …
//
// # What is drawn
//
//   - A run is one of the last ten successes of its tag, newer ones likelier, smoothed
//     between them (predict.go). A tag of fewer than three is like the batch's ended
//     jobs, else like others of its kind and pool (past.go).
//   - What a batch did to all its runs is taken out of them before, and drawn once
//     for the whole of tonight: from its ended jobs, and from how much the batches
//     before drifted (base.go, drift.go).
//   - What plans do not know of, such as a batch that is submitted later and goes first,
//     made the rest of the batches before this one longer for its work than plans are; so
//     it is taken to do with this one (stretch.go).
//   - A job that runs is given a run that is longer than it has run.
//   - Attempts fail as often as those of the tag did, and as often for good; else they
//     wait, and run again.
//
// # What is played
//
// Lanes by priority, run_at and id; limited pools, in which nothing overtakes; mutex
// keys, which take turns; executors that take a kind, a pool, a batch; what runs
// (dispatch.go). The dice of a job do not depend on the others, so a plan with other
// slots differs from this one in nothing else, and an estimate does not jitter.
//
// # What is not known
//
// Jobs that nobody has submitted yet, and executors that come or go. What is said is
// checked by `tagexec-bench estimate`, which replays past batches. Where too little is
// known, nothing is said but the reason (refuse.go).
package estimate
