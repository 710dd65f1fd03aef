package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"strings"

	"github.com/tagexec/tagexec/store/postgres"
)

// UI is the configuration of the page: who may look and act, and where it is found.
type UI struct {
	Hosts          List     `desc:"names besides localhost that lead to HTTP_ADDR on the loopback address, separated by commas; others are refused where there is no login"`
	ViewerUser     string   `split_words:"true" desc:"a login for the page that may look and not act; HTTP_USER may do both"`
	ViewerPassword string   `split_words:"true" desc:"its password"`
	AuthHeader     string   `split_words:"true" desc:"header in which a proxy names the user, e.g. X-Forwarded-User"`
	AuthProxies    Networks `split_words:"true" desc:"addresses of the proxies that are believed, e.g. 10.0.0.0/8, separated by commas"`
	Operators      List     `desc:"users named by the proxy who may act, separated by commas; others may look"`
	BasePath       string   `split_words:"true" desc:"path under which a proxy shows the page, e.g. /tagexec"`
	URL            string   `desc:"address of the page as people reach it, e.g. https://ops.example/tagexec; for links to it"`
	DatabaseURL    string   `split_words:"true" desc:"the queue, with the login of the page; empty: TAGEXEC_DATABASE_URL"`
}

// HasLogin reports whether anybody can log in to the page.
func (u UI) HasLogin() bool { return u.ViewerUser != "" || u.AuthHeader != "" }

// problems returns what is wrong, each with its variable.
func (u UI) problems(check func(ok bool, name, format string, args ...any)) {
	for _, host := range u.Hosts {
		check(isHost(host), "UI_HOSTS", "names %q: must be names of hosts in lower case, without http:// and without a port", host)
	}
	check((u.ViewerUser == "") == (u.ViewerPassword == ""), "UI_VIEWER_USER", "and %s_UI_VIEWER_PASSWORD go together: set both or neither", Prefix)
	check((u.AuthHeader == "") == (len(u.AuthProxies) == 0), "UI_AUTH_HEADER", "and %s_UI_AUTH_PROXIES go together: anyone can send a header, so it must be known whose is believed", Prefix)
	check(u.AuthHeader == "" || isHeader(u.AuthHeader), "UI_AUTH_HEADER", "is %q: must be the name of a header, such as X-Forwarded-User", u.AuthHeader)
	check(len(u.Operators) == 0 || u.AuthHeader != "", "UI_OPERATORS", "needs %s_UI_AUTH_HEADER: they are users whom a proxy names", Prefix)
	check(u.BasePath == "" || isBasePath(u.BasePath), "UI_BASE_PATH", "is %q: must be a path such as /tagexec, without a slash at its end", u.BasePath)
	if u.URL != "" {
		parsed, err := url.Parse(u.URL)
		check(err == nil && (parsed.Scheme == "http" || parsed.Scheme == "https") && parsed.Host != "" && parsed.User == nil && parsed.RawQuery == "" && parsed.Fragment == "",
			"UI_URL", "must be an address such as https://ops.example/tagexec, without user, query and fragment")
	}
	if u.DatabaseURL != "" {
		_, err := postgres.Queue(u.DatabaseURL)
		check(err == nil, "UI_DATABASE_URL", "is wrong: %v", err)
	}
}

func isHeader(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool {
		return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

func isBasePath(name string) bool {
	return len(name) > 1 && name[0] == '/' && path.Clean(name) == name &&
		!strings.ContainsFunc(name, func(r rune) bool {
			return !strings.ContainsRune("/-._~", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
		})
}

// Networks are ranges of addresses, as in 10.0.0.0/8 or 10.0.0.7.
type Networks []netip.Prefix

// Decode reads addresses and networks that commas separate.
func (n *Networks) Decode(text string) error {
	var names List
	if err := names.Decode(text); err != nil {
		return err
	}
	*n = nil
	for _, name := range names {
		network, err := netip.ParsePrefix(name)
		if address, single := netip.ParseAddr(name); single == nil {
			network, err = address.Prefix(address.BitLen())
		}
		if err != nil {
			return fmt.Errorf("%q is no address or network, such as 10.0.0.0/8", name)
		}
		*n = append(*n, network.Masked())
	}
	return nil
}

// Hold reports whether an address is in one of the networks.
func (n Networks) Hold(address netip.Addr) bool {
	for _, network := range n {
		if network.Contains(address.Unmap()) {
			return true
		}
	}
	return false
}
