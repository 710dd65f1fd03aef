//go:build engines

package mysql_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/executor/runner/sql/enginetest/mariadb"
)

// otherServer starts a server of its own, and returns the URL of a source.
func otherServer(t *testing.T, args ...string) string {
	t.Helper()
	other, err := mariadb.Start(t.TempDir(), args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Stop)
	url, err := other.Database()
	if err != nil {
		t.Fatal(err)
	}
	return url
}

func TestWhyThereIsNoConnectionIsSaidWithoutTheLogin(t *testing.T) {
	t.Parallel()
	url, admin := database(t)
	must(t, admin, "CREATE DATABASE not_of_"+name(url))
	base := strings.TrimSuffix(url, name(url))
	for _, tt := range []struct{ url, code, message string }{
		{base + "nowhere", "1044", "the server does not let this login into the database"},
		{base + "not_of_" + name(url), "1044", "the server does not let this login into the database"},
		{strings.Replace(url, "hush-", "wrong-", 1), "1045", "the server does not accept the user or the password"},
		{strings.Replace(url, "mariadb://", "starrocks://", 1), "connection_failed", "the server is MariaDB: the URL must begin with mariadb://, not starrocks://"},
	} {
		_, err := newSQL(t, tt.url).Run(t.Context(), job(statement("SELECT 1")))
		f := wantFailure(t, err, tt.code, false)
		if want := `connecting to source "tags": ` + tt.message; f.Message != want {
			t.Errorf("got %q, want %q", f.Message, want)
		}
	}
}

func TestTLSIsByTheCertificatesThatTheURLNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certificate, key := selfSigned(t, dir)
	url := otherServer(t, "--ssl-cert="+certificate, "--ssl-key="+key)
	report, err := newSQL(t, url+"?tls_ca="+certificate).Run(t.Context(),
		job(statement("SELECT variable_value <> '' AS encrypted FROM information_schema.session_status WHERE variable_name = 'ssl_cipher'")))
	if err != nil || string(report.Value) != `{"encrypted":1}` {
		t.Errorf("got %s, %v", report.Value, err)
	}
	_, err = newSQL(t, url+"?tls=true").Run(t.Context(), job(statement("SELECT 1")))
	f := wantFailure(t, err, "connection_failed", false)
	if !strings.Contains(f.Message, "signed by an unknown authority (tls_ca names") {
		t.Error(f.Message)
	}
}

// selfSigned makes a certificate for 127.0.0.1.
func selfSigned(t *testing.T, dir string) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "tags"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	signed, err := x509.CreateCertificate(rand.Reader, about, about, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: signed}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}

// A MariaDB that says it is another server takes no limit of that one.
func TestALimitThatTheServerRefusesIsDoneWithoutAndSaidOnce(t *testing.T) {
	t.Parallel()
	url := strings.Replace(otherServer(t, "--version=8.0.11-TiDB-v7.5.0"), "mariadb://", "tidb://", 1)
	told := &bytes.Buffer{}
	s, err := runner.NewSQL(t.Context(), map[string]string{"tags": url}, runner.SQLOptions{Log: slog.New(slog.NewTextHandler(told, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 2 {
		if _, err := s.Run(limited(t), job(statement("SELECT 1"))); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Count(told.String(), "refused=max_execution_time") != 1 {
		t.Errorf("the log was told %q", told)
	}
	if found := s.Describe(t.Context())[0]; found.Err != nil || found.Server.Product != "TiDB" || found.Server.Version != "7.5.0" {
		t.Errorf("got %+v", found)
	}
}

// A MariaDB that says it is StarRocks stores each statement by itself, as that one does.
func TestAnEngineWithoutTransactionsSaysWhatStays(t *testing.T) {
	t.Parallel()
	url := otherServer(t, "--version=5.1.0-StarRocks")
	_, err := newSQL(t, url).Run(t.Context(), job(statement("SELECT 1")))
	if f := wantFailure(t, err, "connection_failed", false); !strings.Contains(f.Message, "the URL must begin with starrocks://") {
		t.Error(f.Message)
	}
	s := newSQL(t, strings.Replace(url, "mariadb://", "starrocks://", 1))
	_, err = s.Run(t.Context(), job(statements(true, "CREATE TABLE t (id int)", "INSERT INTO t VALUES (1)")))
	if f := wantFailure(t, err, "bad_payload", true); !strings.Contains(f.Message, "starrocks has no transactions") {
		t.Error(f.Message)
	}
	_, err = s.Run(limited(t), job(statements(false, "CREATE TABLE t (id int)", "INSERT INTO t VALUES (1)", "INSERT INTO nope VALUES (2)")))
	if f := wantFailure(t, err, "1146", true); !strings.Contains(f.Message, "what statements 1 to 2 did stays") {
		t.Error(f.Message)
	}
	report, err := s.Run(t.Context(), job(statement("SELECT count(*) AS n FROM t")))
	if err != nil || string(report.Value) != `{"n":1}` || report.RowsAffected == nil || *report.RowsAffected != 0 {
		t.Errorf("got %s, %v", report.Value, err)
	}
	report, err = s.Run(t.Context(), job(statement("DELETE FROM t")))
	if err != nil || report.RowsAffected == nil || *report.RowsAffected != 1 {
		t.Errorf("got %v, %v", report.RowsAffected, err)
	}
}
