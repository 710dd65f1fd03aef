// Package overhttp is what the engines share whose protocol is HTTP: the client, which
// goes nowhere but to the source, and words for why it got no answer.
package overhttp

import (
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tagexec/tagexec/executor/runner/sql"
)

// keepIdle is how long a connection is kept that nobody uses: shorter than servers do, of
// which ClickHouse closes it after 3 s.
const keepIdle = 2 * time.Second

// Client asks one server. It follows no redirect and uses no proxy, since the login of
// the source goes with each request.
type Client struct {
	http   *http.Client
	origin url.URL
}

// New returns a client for the server of a URL. Close it.
func New(u sql.URL, connections int) *Client {
	c := &Client{origin: url.URL{Scheme: "http", Host: u.Address()}}
	if u.TLS != nil {
		c.origin.Scheme = "https"
	}
	c.http = &http.Client{
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: u.ConnectTimeout}).DialContext,
			TLSClientConfig:     u.TLS,
			TLSHandshakeTimeout: u.ConnectTimeout,
			MaxIdleConnsPerHost: connections,
			IdleConnTimeout:     keepIdle,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c
}

// URL is that of a path on the server.
func (c *Client) URL(path string, query url.Values) string {
	u := c.origin
	u.Path, u.RawQuery = path, query.Encode()
	return u.String()
}

// Owns reports whether a URL is one of the server.
func (c *Client) Owns(u *url.URL) bool {
	return u.Scheme == c.origin.Scheme && address(u) == address(&c.origin) && u.User == nil
}

// address is host and port of a URL: a server may leave out the port that its scheme has
// anyway, and write names in small letters.
func address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// Do sends a request.
func (c *Client) Do(r *http.Request) (*http.Response, error) { return c.http.Do(r) }

// Close closes the connections that nobody uses.
func (c *Client) Close() { c.http.CloseIdleConnections() }
