// Package chaos is the run behind `tagexec-bench chaos`: producers, operators
// and three executors work on one queue while a driver kills, freezes and cuts
// off what it can, and afterwards everything is checked.
//
//	producers ──INSERT, COPY, submit_jobs──▶ ┌──────────┐ ◀──faultproxy──▶ 3 × tagexec serve ──▶ history, effects
//	operators ──resize, pause, cancel, retry─▶ │ Postgres │
//	watch ──limits and invariants────────────▶ └──────────┘
//
// Three accounts are kept apart and compared at the end: what the
// producers were told, the tables of the queue, and what the jobs wrote
// themselves outside it (a file by commands, a table by SQL jobs).
//
// A seed fixes what is decided: the faults, their order and length, the jobs.
// When things happen is up to the machine, so a seed makes a run likely to be
// the same, not certain.
package chaos
