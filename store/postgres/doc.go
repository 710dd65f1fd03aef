// Package postgres turns a URL into connections to a Postgres server, for the
// queue and for the databases that SQL jobs run on. It alone reads such URLs, and
// what the environment adds to them (PGHOST, PGSSLMODE, PGSERVICE, …). It says
// what is wrong with one, makes the address that people see, and bounds every
// wait for a server. It imports nothing of ours.
//
// # Who decides what
//
// A URL says where the server is and how to get in: hosts, login, TLS, time to
// connect. Of the queue's sessions tagexec decides everything else, so a URL that
// sets more is refused. The sessions of a source belong to the jobs, whose owner
// may set what Postgres can set; but tagexec speaks UTF-8 and decides how it
// speaks the protocol.
//
// # Waits
//
// A server may accept a connection and then fall silent, at any moment. Each of
// these waits ends also when the pool is closed:
//
//	look up a host name, connect to one address, log in   connect_timeout, else 10 s
//	a hook of a new connection: its first answers         the same once more
//	ping of a connection that was idle                    3 s
//	the end of a connection that was given up             2 s
//	Close of a pool                                       a moment, then what is left is cut
//
// A statement has the limit of its context.
package postgres
