// Package faultproxy is a TCP proxy in front of a Postgres server that injects
// faults of the network: connections cut, bytes held up or let through slowly,
// the answer to a statement lost. Tests and `tagexec-bench chaos` put it between an executor
// and its database.
//
// It reads the message framing of the protocol, so connections must not be
// encrypted: a client that asks for TLS is told that there is none
// (sslmode=disable or prefer).
package faultproxy
