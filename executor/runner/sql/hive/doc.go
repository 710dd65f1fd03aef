// Package hive runs the statements of SQL jobs through the protocol of HiveServer2:
// on Hive, and on Spark's Thrift Server.
//
//	hive://user:password@host:10000/database?auth=plain
//	spark://user:password@host:10000/database
//
// auth is plain, which sends user and password, or none, for a server that wants no SASL
// (hive.server2.authentication=NOSASL). A user or password that is left out is anonymous.
// The parameters of every engine are those of sql.ParseURL.
//
// There are no transactions, no arguments, and no counts of changed rows. A statement
// that is ended may have written some of its rows: so write with INSERT OVERWRITE.
package hive
