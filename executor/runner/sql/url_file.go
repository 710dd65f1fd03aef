package sql

import (
	"fmt"
	"strings"
)

// ParseFile reads the URL of an engine whose sources are files of this host, with the
// parameters that the engine knows:
//
//	scheme:///var/lib/tags.db?set.NAME=value
//
// Its error quotes nothing of the URL but the scheme and the names of parameters.
func ParseFile(text string, known ...string) (URL, error) {
	parsed, values, err := split(text)
	if err != nil {
		return URL{}, err
	}
	u := newURL(parsed.Scheme, parsed.Path)
	refused := func(what string) (URL, error) {
		return URL{}, fmt.Errorf("the URL %s: it leads to a file of this host, as in %s:///var/lib/tags.db", what, u.Scheme)
	}
	switch {
	case parsed.User != nil:
		return refused("names a user, whom nobody asks for")
	case parsed.Host != "":
		return refused("names a host, or has only two / before the path")
	case len(u.Path) == 0 || strings.HasSuffix(parsed.Path, "/"):
		return refused("names no file")
	case values.Has("tls") || values.Has("tls_ca"):
		return refused("sets TLS, and no network is between")
	}
	return u, u.read(values, append([]string{connectTimeout, settingNAME}, known...))
}

// File is the path of the file.
func (u URL) File() string { return "/" + strings.Join(u.Path, "/") }
