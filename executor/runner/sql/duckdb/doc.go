// Package duckdb runs SQL jobs on files of DuckDB, which runs in the process of the
// executor. It needs cgo, and is empty without -tags duckdb.
//
//	duckdb:///var/lib/tags.db?set.memory_limit=4GB&set.threads=2
//
// A file that is not there is made, in a directory that is. It is open only while a job
// has it, or a probe: jobs of one executor share it, another process can have it only
// between them. Opening it repeats what a process that died had committed, and cannot be
// cut short.
//
// A statement that a job cancels is interrupted. One whose executor dies ends with it, and
// so does one that takes more memory than there is: set memory_limit.
//
// There is no login. Jobs reach no file but this one, no network, and load no extension.
// directories=/data,/export names what they may read and write all the same. With
// set.enable_external_access=true they may do what the executor may, and read its
// environment.
//
// Settings of a session and temporary tables end with the job. What is of the whole file
// (SET GLOBAL, ATTACH, memory_limit, threads) lasts until no job has it open.
//
// Arguments stand for ? or $1. Whole numbers of 64 bits are numbers, all others text,
// which DuckDB reads by the type that it needs; arrays and objects are JSON text. A
// transaction is the job's: no statement may begin or end one. PIVOT without IN is several
// statements in one, and refused as such.
package duckdb
