// Package top is `tagexec top`: the queue as a screen that is drawn anew every two
// seconds.
//
//	asker ──look──▶ snapshot ──tabs──▶ table ──▶ view ──▶ terminal
//	                   ▲                            │
//	                   └──── keys ◀─────────────────┘ ──▶ deed ──▶ actor
//
// What is drawn is a function of the last snapshot and of what was pressed (view.go):
// it asks nothing, so tests draw it without a terminal or a database, and --once prints
// the same tables as text.
package top
