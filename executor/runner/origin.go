package runner

import (
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// origin is a normalised scheme://host:port: lower case, the port always
// written.
type origin string

// originOf returns the origin of an absolute http or https URL.
func originOf(u *url.URL) (origin, error) {
	scheme := strings.ToLower(u.Scheme)
	port := u.Port()
	switch {
	case scheme != "http" && scheme != "https":
		return "", errors.New("must begin with http:// or https://")
	case u.Opaque != "" || u.Hostname() == "":
		return "", errors.New("has no host")
	case strings.HasSuffix(u.Host, ":"):
		return "", errors.New("has an empty port")
	case port == "" && scheme == "http":
		port = "80"
	case port == "":
		port = "443"
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", errors.New("has a port that is no number from 1 to 65535")
	}
	host := strings.ToLower(u.Hostname())
	for _, r := range host {
		if r <= ' ' || r > '~' || strings.ContainsRune(`%/\?#@`, r) {
			return "", errors.New("has a host that is not plain ASCII (write it in punycode)")
		}
	}
	return origin(scheme + "://" + net.JoinHostPort(host, strconv.FormatUint(n, 10))), nil
}

// parseOrigin reads an origin as a person writes it: https://host, with or
// without a port, nothing behind it but perhaps a slash.
func parseOrigin(s string) (origin, error) {
	u, err := url.Parse(s)
	if err != nil {
		return "", errors.New("is not a URL")
	}
	if u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("must be scheme://host or scheme://host:port and nothing else")
	}
	return originOf(u)
}
