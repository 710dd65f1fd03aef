// Package page is the page of tagexec: what runs, what waits, what failed, when it ends,
// and the buttons. It is made on the server from embedded templates, and works without
// JavaScript; with it a page keeps itself up to date.
//
// # The way of a request
//
// routes.go lists all pages. A request becomes a visit: who asks (package access), with
// which rights the database is asked (seat.go), and how times look to them (frame.go).
// The function of the page, one file each, asks package report through shared.go, where
// many visitors with the same question are one, and returns a view. answer.go renders it
// into a buffer, or the error into a page that says what to do.
//
// # Who may
//
// The database guards: each question and each deed is a transaction with the role of the
// visitor's level, or with the rights of the page's login where it cannot take that role.
// A button that may not be pressed is not drawn. What changes something is a POST, with
// one page for all of them (do.go).
package page
