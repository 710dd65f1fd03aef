// Package examples holds what a user copies: queries and dashboards over the
// views of schema tagreport. Its tests run every one of them.
package examples
