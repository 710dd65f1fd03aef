package serve

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/tagexec/tagexec/cmd/internal/config"
)

// access decides who may see more than /healthz and /readyz.
//
// Where a login is set it is asked for, at every address. Without one, whoever is on
// this host may look if the server listens on the loopback address; elsewhere nobody
// may. On the loopback address a browser of this host could be led here by a name that
// somebody else's server resolves to it (DNS rebinding), so the Host must be a known
// one.
type access struct {
	user, password, token string
	loopback              bool // the server listens on this host's loopback address
	hosts                 []string
}

func newAccess(c config.Config, listens net.Addr) access {
	address, _ := listens.(*net.TCPAddr)
	return access{
		user: c.HTTPUser, password: c.HTTPPassword, token: c.MetricsToken,
		loopback: address != nil && address.IP.IsLoopback(),
		hosts:    append([]string{"localhost", "127.0.0.1", "::1"}, c.UIHosts...),
	}
}

// toAll lets those through who may see everything.
func (a access) toAll(next http.Handler) http.Handler {
	return a.guard(next, a.user != "", a.loggedIn)
}

// toMetrics lets also those through who bring the token for metrics.
func (a access) toMetrics(next http.Handler) http.Handler {
	return a.guard(next, a.user != "" || a.token != "", func(r *http.Request) bool {
		given, isBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		return a.loggedIn(r) || a.token != "" && isBearer && same(given, a.token)
	})
}

// guard asks for a login if there is one, and else goes by where the request came to.
func (a access) guard(next http.Handler, hasLogin bool, loggedIn func(*http.Request) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case loggedIn(r):
			next.ServeHTTP(w, r)
		case hasLogin:
			w.Header().Set("WWW-Authenticate", `Basic realm="tagexec"`)
			answer(w, http.StatusUnauthorized, map[string]any{"status": "login needed"})
		case !a.loopback:
			forbid(w, "anyone could reach this address: set "+config.Prefix+"_HTTP_USER and "+config.Prefix+"_HTTP_PASSWORD"+
				" (for /metrics alone "+config.Prefix+"_METRICS_TOKEN), or listen on 127.0.0.1 ("+config.Prefix+"_HTTP_ADDR)")
		case !slices.Contains(a.hosts, hostName(r.Host)):
			forbid(w, "this name is not known here: set "+config.Prefix+"_UI_HOSTS to the names that lead to this address, or ask for 127.0.0.1")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// loggedIn reports whether the request carries the login.
func (a access) loggedIn(r *http.Request) bool {
	user, password, given := r.BasicAuth()
	return a.user != "" && given && same(user, a.user) && same(password, a.password)
}

// same compares secrets in a time that tells neither where they differ nor how long
// they are.
func same(given, want string) bool {
	g, w := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(g[:], w[:]) == 1
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
