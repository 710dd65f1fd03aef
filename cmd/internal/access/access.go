package access

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/tagexec/tagexec/cmd/internal/config"
)

// Level is what somebody may do.
type Level int

// Levels, the higher one with all of the lower one.
const (
	Viewer   Level = iota + 1 // looks
	Operator                  // acts
)

func (l Level) String() string {
	if l == Operator {
		return "operator"
	}
	return "viewer"
}

// Asker is who sent a request.
type Asker struct {
	User  string // the name of the login; "" without one
	Level Level
}

// Access tells who sent a request, and lets through who may.
//
// On the loopback address a browser of this host could be led here by a name that
// somebody else's server resolves to it (DNS rebinding), so there the Host must be a
// known one.
type Access struct {
	config.UI
	user, password, token string
	free                  Level // of who comes over the loopback address, where there is no login
	loopback              bool  // the server listens there
	hosts                 []string
}

// New returns the access to a server that listens at an address. free is what whoever is
// on this host may do where there is no login.
func New(c config.Config, listens net.Addr, free Level) Access {
	address, _ := listens.(*net.TCPAddr)
	return Access{
		UI: c.UI, user: c.HTTPUser, password: c.HTTPPassword, token: c.MetricsToken, free: free,
		loopback: address != nil && address.IP.IsLoopback(),
		hosts:    append([]string{"localhost", "127.0.0.1", "::1"}, c.UI.Hosts...),
	}
}

type askerKey struct{}

// Of returns who sent a request that To let through.
func Of(ctx context.Context) Asker {
	asker, _ := ctx.Value(askerKey{}).(Asker)
	return asker
}

// ToPage lets those through who may look.
func (a Access) ToPage(next http.Handler) http.Handler {
	return a.guard(next, a.user != "" || a.HasLogin(), a.who)
}

// ToMetrics lets also those through who bring the token for metrics.
func (a Access) ToMetrics(next http.Handler) http.Handler {
	return a.guard(next, a.user != "" || a.HasLogin() || a.token != "", func(r *http.Request) (Asker, bool) {
		given, isBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if a.token != "" && isBearer && same(given, a.token) {
			return Asker{Level: Viewer}, true
		}
		return a.who(r)
	})
}

// guard asks for a login if there is one, and else goes by where the request came to.
func (a Access) guard(next http.Handler, hasLogin bool, who func(*http.Request) (Asker, bool)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asker, known := who(r)
		switch {
		case known:
		case hasLogin && a.user+a.ViewerUser == "" && a.token == "":
			forbid(w, "the proxy in front of this page names no user: it must send the header "+a.AuthHeader+" and be one of "+config.Prefix+"_UI_AUTH_PROXIES")
			return
		case hasLogin:
			w.Header().Set("WWW-Authenticate", `Basic realm="tagexec"`)
			answer(w, http.StatusUnauthorized, map[string]any{"status": "login needed"})
			return
		case !a.loopback:
			forbid(w, "anyone could reach this address: set "+config.Prefix+"_HTTP_USER and "+config.Prefix+"_HTTP_PASSWORD"+
				" (for /metrics alone "+config.Prefix+"_METRICS_TOKEN), or listen on 127.0.0.1 ("+config.Prefix+"_HTTP_ADDR)")
			return
		case !slices.Contains(a.hosts, hostName(r.Host)):
			forbid(w, "this name is not known here: set "+config.Prefix+"_UI_HOSTS to the names that lead to this address, or ask for 127.0.0.1")
			return
		default:
			asker.Level = a.free
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), askerKey{}, asker)))
	})
}

// who is the user whom a request names: by its login, or by a proxy of ours.
func (a Access) who(r *http.Request) (Asker, bool) {
	if user := a.named(r); user != "" {
		if slices.Contains(a.Operators, user) {
			return Asker{user, Operator}, true
		}
		return Asker{user, Viewer}, true
	}
	user, password, given := r.BasicAuth()
	switch {
	case !given:
	case a.user != "" && same(user, a.user) && same(password, a.password):
		return Asker{user, Operator}, true
	case a.ViewerUser != "" && same(user, a.ViewerUser) && same(password, a.ViewerPassword):
		return Asker{user, Viewer}, true
	}
	return Asker{}, false
}

// named is the user whom the proxy names, if the request comes from one that is believed.
// A header that is there twice names nobody: one of them may be the client's own.
func (a Access) named(r *http.Request) string {
	names := r.Header.Values(a.AuthHeader)
	if a.AuthHeader == "" || len(names) != 1 {
		return ""
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !a.AuthProxies.Hold(peer.Addr()) {
		return ""
	}
	return names[0]
}

// hostName is the name in a Host header, without port and brackets.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}

func forbid(w http.ResponseWriter, reason string) {
	answer(w, http.StatusForbidden, map[string]any{"status": "forbidden", "reason": reason})
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // the reader may be gone
}
