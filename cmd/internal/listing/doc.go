// Package listing prints rows for every command that lists: as a table for people, as
// JSON, as lines of JSON, as CSV, or only the names. Rows are structs whose fields have
// a json name, which is the name of the column everywhere.
//
// On a terminal a table is cut to its width, and coloured. What a job says is escaped,
// and a cell of CSV that a spreadsheet would take for a formula is guarded.
package listing
