// Package report holds what people ask of a queue: one question, one file, the SQL
// directly above the function that asks it. Rows are structs whose fields are the
// columns of schema tagreport, under the same names.
//
// # What a question may cost
//
// It may not slow down who works on the queue. So it has connections of its own, a
// read-only transaction, and a limit of time on the server (statementLimit; Within
// gives more to somebody who asks to look further). It goes on from a key and never
// by OFFSET. It counts no history: a count ends at a limit. What has no index is
// looked for backwards in windows of the primary key, and the answer says how far
// that went. plan_test.go counts the rows that each question looks at.
//
// # Who may ask
//
// Every login in a group role of tagexec may read tagreport. Payload, result and
// output are only in the tables, which tagexec_viewer may read and tagexec_analyst
// may not; a RefusedError names the role.
package report
