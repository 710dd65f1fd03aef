// Package replay tries the estimates of package estimate on batches of the past. At
// several points of each it asks with what was known then, and compares the answer
// with what became of the batch.
//
//	Trace ── at(moment) ──▶ estimate.Queue ──▶ Estimate ─┐
//	  └───── what became of it ─────────────────────────┴──▶ Score
//
// Traces come from a database (read.go), from executors that run the demo's jobs and
// sleeps on one (nights.go), and from a world of its own rules (synthetic.go).
package replay
