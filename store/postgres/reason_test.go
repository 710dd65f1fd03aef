package postgres_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/store/postgres"
	"github.com/tagexec/tagexec/store/storetest"
)

// authority signs certificates.
type authority struct {
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
	file        string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{file: filepath.Join(t.TempDir(), "ca.pem")}
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	a.certificate = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, a.certificate, a.certificate, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

// sign returns a certificate for a host.
func (a *authority) sign(t *testing.T, host string, until time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	certificate := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{host}, NotBefore: until.Add(-2 * time.Hour), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, certificate, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// gate is a server that answers the request for TLS, does what then says and hangs up.
func gate(t *testing.T, answer string, then func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.ReadFull(conn, make([]byte, 8)) // the request
			_, _ = io.WriteString(conn, answer)
			if then != nil {
				then(conn)
			}
			_ = conn.Close()
		}
	})
	t.Cleanup(func() { _ = listener.Close(); serving.Wait() })
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return "postgres://u:" + secret + "@localhost:" + port + "/d"
}

func TestReasonNamesWhyThereIsNoConnection(t *testing.T) {
	t.Parallel()
	ours, others := newAuthority(t), newAuthority(t)
	later := time.Now().Add(time.Hour)
	show := func(c tls.Certificate, auth tls.ClientAuthType) func(net.Conn) {
		return func(conn net.Conn) {
			server := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{c}, ClientAuth: auth})
			if server.Handshake() == nil {
				_, _ = server.Read(make([]byte, 1000)) // as far as it comes
			}
			_ = server.Close()
		}
	}
	verify := "?sslmode=verify-full&sslrootcert=" + ours.file
	for name, c := range map[string]struct{ url, want string }{
		"an unknown authority": {gate(t, "S", show(others.sign(t, "localhost", later), 0)) + verify, "signed by an unknown authority"},
		"of verify-ca":         {gate(t, "S", show(others.sign(t, "localhost", later), 0)) + strings.Replace(verify, "full", "ca", 1), "signed by an unknown authority"},
		"another host":         {gate(t, "S", show(ours.sign(t, "db.example", later), 0)) + verify, "for another host name"},
		"an old certificate":   {gate(t, "S", show(ours.sign(t, "localhost", later.Add(-2*time.Hour)), 0)) + verify, "certificate is not valid"},
		"no certificate of us": {gate(t, "S", show(ours.sign(t, "localhost", later), tls.RequireAnyClientCert)) + verify, "refused our side of TLS"},
		"no TLS":               {storetest.Empty(t).URL + "&sslmode=require", "has no TLS"},
		"nonsense for TLS":     {gate(t, "S", func(conn net.Conn) { _, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n") }) + "?sslmode=require", "does not answer in TLS"},
		"a server that leaves": {gate(t, "", nil) + "?sslmode=disable", "hung up"},
		"nobody there":         {"postgres://u@127.0.0.1:1/d?sslmode=disable", "connection refused"},
		"no such host":         {"postgres://u@nowhere.invalid/d", "host name not found"},
		"silence":              {gate(t, "", func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }) + "?sslmode=disable&connect_timeout=1", "no answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := postgres.Queue(c.url)
			if err != nil {
				t.Fatal(err)
			}
			_, err = pgx.ConnectConfig(t.Context(), d.Config("test"))
			if err == nil {
				t.Fatal("it connected")
			}
			if got := postgres.Reason(err); !strings.Contains(got, c.want) {
				t.Errorf("got %q, want something with %q\n%v", got, c.want, err)
			}
		})
	}
}
