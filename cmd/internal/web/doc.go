// Package web serves HTTP for a process of tagexec: the page, /healthz and /readyz for
// whoever watches over it, and /metrics.
package web
