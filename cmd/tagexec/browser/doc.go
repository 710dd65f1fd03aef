// Package browser tries the page in a real browser, Debian's chromium, against a real
// tagexec dashboard. It is a module of its own, so that the product needs neither the
// browser nor what drives it.
//
//	go test .                                               # all but the pictures
//	go test -tags pictures -run Pictures -pictures DIR .    # pictures of all pages, in both themes
package browser
