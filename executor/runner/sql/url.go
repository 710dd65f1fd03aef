package sql

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tagexec/tagexec/executor/runner/words"
)

// URL is what the URLs of the engines but Postgres have in common:
//
//	scheme://user:password@host:port/path?tls=true&tls_ca=/etc/ca.pem&connect_timeout=10
//
// tls is true, false, or skip-verify, which trusts whoever answers. A scheme that ends in
// +https says tls=true. set.NAME=value is a setting of the engine's own for every session;
// the limits that a job's session needs come before it.
type URL struct {
	Scheme         string // without +https
	User, Pass     string
	Host           string // without port
	Port           string
	Path           []string          // its parts, "a", "b" of /a/b
	Parameters     map[string]string // those that the engine knows
	Settings       map[string]string // by their names in the engine, without set.
	TLS            *tls.Config       // nil: none
	ConnectTimeout time.Duration
}

// Password is the password in it.
func (u URL) Password() string { return u.Pass }

// Address is host:port.
func (u URL) Address() string { return net.JoinHostPort(u.Host, u.Port) }

// ParseURL reads a URL with the parameters that the engine knows beside the common ones.
// Its error quotes nothing of the URL but the names of parameters, and a file.
func ParseURL(text, port string, known ...string) (URL, error) {
	parsed, values, err := split(text)
	if err != nil {
		return URL{}, err
	}
	scheme, secure := strings.CutSuffix(parsed.Scheme, "+https")
	u := newURL(scheme, parsed.Path)
	u.User, u.Host, u.Port = parsed.User.Username(), parsed.Hostname(), parsed.Port()
	u.Pass, _ = parsed.User.Password()
	if u.Port == "" {
		u.Port = port
	}
	switch n, err := strconv.Atoi(u.Port); {
	case u.Host == "":
		return URL{}, errors.New("the URL names no host")
	case strings.Contains(parsed.EscapedPath()+parsed.RawQuery, "@"): // what stands before it is most likely a piece of a password
		return URL{}, errors.New("the URL has a / or a ? before an @: " + encode)
	case err != nil || n < 1 || n > 65535:
		return URL{}, errors.New("the URL has a port that is none")
	}
	if err := u.read(values, append([]string{"tls", "tls_ca", connectTimeout, settingNAME}, known...)); err != nil {
		return URL{}, err
	}
	mode, ca := u.Parameters["tls"], u.Parameters["tls_ca"]
	delete(u.Parameters, "tls")
	delete(u.Parameters, "tls_ca")
	return u, u.readTLS(mode, ca, secure)
}

func (u *URL) readTLS(mode, ca string, secure bool) error {
	switch {
	case mode == "" && (secure || ca != ""):
		mode = "true"
	case !slices.Contains([]string{"", "true", "false", "skip-verify"}, mode):
		return errors.New("the URL sets tls to something else than true, false or skip-verify")
	case mode == "false" && (secure || ca != ""):
		return errors.New("the URL says tls=false, and contradicts itself")
	}
	if mode == "" || mode == "false" {
		return nil
	}
	u.TLS = &tls.Config{ServerName: u.Host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: mode == "skip-verify"} //nolint:gosec // who asks for it by this name gets it
	if ca == "" {
		return nil
	}
	pem, err := os.ReadFile(ca) //nolint:gosec // the operator names it
	if err != nil {
		return fmt.Errorf("the URL names a file that cannot be read: %w", err)
	}
	u.TLS.RootCAs = x509.NewCertPool()
	if !u.TLS.RootCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("the URL names %s as tls_ca, which holds no certificate in PEM", words.Quote(ca))
	}
	return nil
}
