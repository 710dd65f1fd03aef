package sql_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor/runner/sql"
)

func TestParseURL(t *testing.T) {
	t.Parallel()
	type parts struct {
		Scheme, User, Pass, Address string
		Path                        []string
		Parameters                  map[string]string
		TLS, Verified               bool
		Timeout                     time.Duration
	}
	none := map[string]string{}
	for name, c := range map[string]struct {
		text string
		want parts
	}{
		"all of it":             {"trino://tags:hush@trino.example:8443/hive/tags?tls=true&connect_timeout=3&catalog=x", parts{"trino", "tags", "hush", "trino.example:8443", []string{"hive", "tags"}, map[string]string{"catalog": "x"}, true, true, 3 * time.Second}},
		"as short as it gets":   {"trino://h", parts{"trino", "", "", "h:8080", nil, none, false, false, 10 * time.Second}},
		"from a file":           {"trino://u:p@h/d\n", parts{"trino", "u", "p", "h:8080", []string{"d"}, none, false, false, 10 * time.Second}},
		"escaped characters":    {"trino://u%40x:p%2F%3A%25@h/a%20b", parts{"trino", "u@x", "p/:%", "h:8080", []string{"a b"}, none, false, false, 10 * time.Second}},
		"a scheme that says it": {"trino+https://u@h", parts{"trino", "u", "", "h:8080", nil, none, true, true, 10 * time.Second}},
		"and tls as well":       {"trino+https://u@h?tls=true", parts{"trino", "u", "", "h:8080", nil, none, true, true, 10 * time.Second}},
		"whoever answers":       {"trino+https://u@h?tls=skip-verify", parts{"trino", "u", "", "h:8080", nil, none, true, false, 10 * time.Second}},
		"no TLS, and said":      {"trino://u@h?tls=false", parts{"trino", "u", "", "h:8080", nil, none, false, false, 10 * time.Second}},
		"IPv6":                  {"trino://u@[::1]:9/", parts{"trino", "u", "", "[::1]:9", nil, none, false, false, 10 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			u, err := sql.ParseURL(c.text, "8080", "catalog")
			if err != nil {
				t.Fatal(err)
			}
			got := parts{u.Scheme, u.User, u.Password(), u.Address(), u.Path, u.Parameters, u.TLS != nil, u.TLS != nil && !u.TLS.InsecureSkipVerify, u.ConnectTimeout}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
			if u.TLS != nil && u.TLS.ServerName != u.Host {
				t.Errorf("the certificate has to be for %q", u.TLS.ServerName)
			}
		})
	}
}

func TestParseURLReadsSettingsOfTheEngine(t *testing.T) {
	t.Parallel()
	u, err := sql.ParseURL("trino://h/d?set.hive.insert_existing_partitions_behavior=OVERWRITE&set.x=&connect_timeout=3", "8080")
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"hive.insert_existing_partitions_behavior": "OVERWRITE", "x": ""}; !reflect.DeepEqual(u.Settings, want) || len(u.Parameters) > 0 {
		t.Errorf("got %v and %v, want %v", u.Settings, u.Parameters, want)
	}
}

func TestParseURLRefuses(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ text, want string }{
		"a blank in the host":     {"trino://u:hush@h x/d", "the URL cannot be read: its port is a number; write special characters of user, password and parameters as %40"},
		"a wrong escape":          {"trino://u:hush%zz@h/d", "the URL cannot be read"},
		"no host":                 {"trino://u:hush@/d", "the URL names no host"},
		"a port that is none":     {"trino://u:hush@h:0/d", "the URL has a port that is none"},
		"a port out of range":     {"trino://u:hush@h:65536/d", "the URL has a port that is none"},
		"a # in the password":     {"trino://u:hu#sh@h/d", ""},
		"a ? in the password":     {"trino://u:12?hush@h/d", "the URL has a / or a ? before an @: write special characters of user, password and parameters as %40 for @"},
		"and more of it":          {"trino://u:hu@12?sh=hush@h/d", "the URL has a / or a ? before an @"},
		"a / in the password":     {"trino://u:12/hush@h", "the URL has a / or a ? before an @"},
		"a # behind":              {"trino://u:hush@h/d#", "the URL holds a #: write it as %23"},
		"a parameter without end": {"trino://u:hush@h/d?a=%zz", "the URL has parameters that cannot be read"},
		"an unknown parameter":    {"trino://u:hush@h/d?sslmode=require", `the URL sets "sslmode", which is not known here; these are: tls, tls_ca, connect_timeout, set.NAME, catalog`},
		"a setting that is none":  {"trino://u:hush@h/d?set.a%27b=hush", `the URL sets "set.a'b", which is no name of a setting`},
		"a parameter twice":       {"trino://u:hush@h/d?catalog=a&catalog=hush", "the URL sets catalog twice"},
		"a wrong tls":             {"trino://u:hush@h/d?tls=hush", "the URL sets tls to something else than true, false or skip-verify"},
		"two minds":               {"trino+https://u:hush@h/d?tls=false", "the URL says tls=false, and contradicts itself"},
		"a CA without TLS":        {"trino://u:hush@h/d?tls=false&tls_ca=/x", "the URL says tls=false, and contradicts itself"},
		"a CA that is not there":  {"trino://u:hush@h/d?tls_ca=/nowhere/ca.pem", "the URL names a file that cannot be read: open /nowhere/ca.pem"},
		"a CA that is none":       {"trino://u:hush@h/d?tls_ca=" + empty, "which holds no certificate in PEM"},
		"no time":                 {"trino://u:hush@h/d?connect_timeout=0", "the URL sets connect_timeout to what is no number of seconds from 1 to 600"},
		"too much time":           {"trino://u:hush@h/d?connect_timeout=601", "no number of seconds from 1 to 600"},
		"time in words":           {"trino://u:hush@h/d?connect_timeout=5s", "no number of seconds from 1 to 600"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sql.ParseURL(c.text, "8080", "catalog")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %s", err, c.want)
			}
			if strings.Contains(err.Error(), "hu") {
				t.Errorf("the error holds the password: %v", err)
			}
		})
	}
}

func TestParseURLTrustsTheAuthorityThatItNames(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	u, err := sql.ParseURL("trino://h?tls_ca="+file, "8080")
	if err != nil {
		t.Fatal(err)
	}
	if u.TLS == nil || u.TLS.InsecureSkipVerify || u.TLS.RootCAs == nil {
		t.Fatalf("got %+v, want TLS that trusts the authority", u.TLS)
	}
	ca, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ca.Verify(x509.VerifyOptions{Roots: u.TLS.RootCAs}); err != nil {
		t.Error(err)
	}
}

func TestParseFile(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"sqlite:///var/lib/tags.db":    "/var/lib/tags.db",
		"sqlite:///tags.db\n":          "/tags.db",
		"sqlite:///a%20b/c%23d%3F.db":  "/a b/c#d?.db",
		"sqlite:///t.db?set.threads=4": "/t.db",
	} {
		u, err := sql.ParseFile(text)
		if err != nil || u.Scheme != "sqlite" || u.File() != want || u.ConnectTimeout != 10*time.Second {
			t.Errorf("%q: got %+v, %v, want the file %s", text, u, err, want)
		}
	}
	u, err := sql.ParseFile("sqlite:///t.db?mode=ro&set.threads=4&connect_timeout=3", "mode")
	if err != nil || u.Parameters["mode"] != "ro" || u.Settings["threads"] != "4" || u.ConnectTimeout != 3*time.Second {
		t.Errorf("got %+v, %v", u, err)
	}
}

func TestParseFileRefuses(t *testing.T) {
	t.Parallel()
	const right = ": it leads to a file of this host, as in sqlite:///var/lib/tags.db"
	for name, c := range map[string]struct{ text, want string }{
		"a host":                {"sqlite://hush/tags.db", "the URL names a host, or has only two / before the path" + right},
		"a host and a port":     {"sqlite://hush:1/tags.db", "the URL names a host, or has only two / before the path" + right},
		"a user":                {"sqlite://hush@/tags.db", "the URL names a user, whom nobody asks for" + right},
		"a user and a password": {"sqlite://u:hush@h/tags.db", "the URL names a user, whom nobody asks for" + right},
		"no file":               {"sqlite://", "the URL names no file" + right},
		"no file but the root":  {"sqlite:///", "the URL names no file" + right},
		"a directory":           {"sqlite:///hush/", "the URL names no file" + right},
		"TLS":                   {"sqlite:///hush.db?tls=true", "the URL sets TLS, and no network is between" + right},
		"an authority":          {"sqlite:///hush.db?tls_ca=/x.pem", "the URL sets TLS, and no network is between" + right},
		"an unknown parameter":  {"sqlite:///hush.db?sslmode=require", `the URL sets "sslmode", which is not known here; these are: connect_timeout, set.NAME, mode`},
		"a wrong escape":        {"sqlite:///hush%zz", "the URL cannot be read"},
		"a #":                   {"sqlite:///hush#1.db", "the URL holds a #: write it as %23"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sql.ParseFile(c.text, "mode")
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Fatalf("got %v, want %s", err, c.want)
			}
			if strings.Contains(err.Error(), "hush") {
				t.Errorf("the error quotes the URL: %v", err)
			}
		})
	}
}
