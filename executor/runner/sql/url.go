package sql

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tagexec/tagexec/executor/runner/words"
)

// connectTime is how long connecting may take, unless connect_timeout says otherwise.
const connectTime = 10 * time.Second

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

// settingName is how engines call their settings, some behind the name of a catalog.
var settingName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)

// encode is what to do where a name holds what ends it.
const encode = "write special characters of user, password and parameters as %40 for @, %3A for :, %2F for /, %3F for ?, %23 for #, %25 for %"

// ParseURL reads a URL with the parameters that the engine knows beside the common ones.
// Its error quotes nothing of the URL but the names of parameters, and a file.
func ParseURL(text, port string, known ...string) (URL, error) {
	parsed, err := url.Parse(strings.TrimSpace(text)) // a file of secrets ends with a line break
	if err != nil {
		return URL{}, errors.New("the URL cannot be read: its port is a number; " + encode)
	}
	scheme, secure := strings.CutSuffix(parsed.Scheme, "+https")
	u := URL{Scheme: scheme, User: parsed.User.Username(), Host: parsed.Hostname(), Port: parsed.Port(), Parameters: map[string]string{}, Settings: map[string]string{}, ConnectTimeout: connectTime}
	u.Pass, _ = parsed.User.Password()
	if u.Port == "" {
		u.Port = port
	}
	for part := range strings.SplitSeq(strings.Trim(parsed.Path, "/"), "/") {
		if part != "" {
			u.Path = append(u.Path, part)
		}
	}
	switch n, err := strconv.Atoi(u.Port); {
	case u.Host == "":
		return URL{}, errors.New("the URL names no host")
	case strings.Contains(parsed.EscapedPath()+parsed.RawQuery, "@"): // what stands before it is most likely a piece of a password
		return URL{}, errors.New("the URL has a / or a ? before an @: " + encode)
	case err != nil || n < 1 || n > 65535:
		return URL{}, errors.New("the URL has a port that is none")
	case parsed.Fragment != "" || strings.Contains(text, "#"):
		return URL{}, errors.New("the URL holds a #: write it as %23")
	}
	values, err := url.ParseQuery(parsed.RawQuery)
	if err != nil {
		return URL{}, errors.New("the URL has parameters that cannot be read: write special characters as %26 for &, %25 for %")
	}
	return u, u.read(values, secure, known)
}

// read reads the parameters.
func (u *URL) read(values url.Values, secure bool, known []string) error {
	common := []string{"tls", "tls_ca", "connect_timeout", "set.NAME"}
	all := append(common, known...)
	mode, ca := "", ""
	for name, list := range values {
		setting, isSetting := strings.CutPrefix(name, "set.")
		switch {
		case isSetting && !settingName.MatchString(setting):
			return fmt.Errorf("the URL sets %s, which is no name of a setting", words.Quote(name))
		case !isSetting && !slices.Contains(all, name):
			return fmt.Errorf("the URL sets %s, which is not known here; these are: %s", words.Quote(name), strings.Join(all, ", "))
		case len(list) > 1:
			return fmt.Errorf("the URL sets %s twice", name)
		}
		switch value := list[0]; name {
		case "tls":
			mode = value
		case "tls_ca":
			ca = value
		case "connect_timeout":
			seconds, err := strconv.Atoi(value)
			if err != nil || seconds < 1 || seconds > 600 {
				return errors.New("the URL sets connect_timeout to what is no number of seconds from 1 to 600")
			}
			u.ConnectTimeout = time.Duration(seconds) * time.Second
		default:
			if isSetting {
				u.Settings[setting] = value
			} else {
				u.Parameters[name] = value
			}
		}
	}
	return u.readTLS(mode, ca, secure)
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
