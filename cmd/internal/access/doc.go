// Package access decides who may see and do what over HTTP, beyond /healthz and /readyz.
//
// Where a login is set it is asked for, at every address: HTTP_USER may act, the viewer
// may look, and a proxy of ours may name its user in a header. Without any, whoever is
// on this host may come in if the server listens on the loopback address; elsewhere
// nobody may.
package access
