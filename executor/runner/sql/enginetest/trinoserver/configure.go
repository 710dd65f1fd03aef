package trinoserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// configure writes the files of the server.
func (s *Server) configure(t testing.TB) {
	t.Helper()
	_, port, _ := net.SplitHostPort(s.address)
	_, secure, _ := net.SplitHostPort(s.secure)
	certificate, key := certificate(t)
	s.certificate = filepath.Join(s.Dir, "certificate.pem")
	for name, text := range map[string]string{
		"config.properties": "coordinator=true\nnode-scheduler.include-coordinator=true\ncatalog.management=static\n" +
			"catalog.config-dir=" + s.Dir + "/catalog\ndiscovery.uri=http://127.0.0.1:" + port + "\nhttp-server.http.port=" + port + "\n" +
			"http-server.https.enabled=true\nhttp-server.https.port=" + secure + "\nhttp-server.https.keystore.path=" + s.Dir + "/server.pem\n" +
			"http-server.authentication.type=PASSWORD\nhttp-server.authentication.allow-insecure-over-http=true\n" +
			"password-authenticator.config-files=" + s.Dir + "/password.properties\ninternal-communication.shared-secret=of-a-test\n" +
			// as little as the cases need, and a short wait for who does not ask any more
			"query.max-memory=200MB\nquery.max-memory-per-node=200MB\nmemory.heap-headroom-per-node=200MB\nquery.client.timeout=20s\n",
		"password.properties":       "password-authenticator.name=file\nfile.password-file=" + s.Dir + "/passwords\n",
		"passwords":                 User + ":" + hash + "\n",
		"certificate.pem":           certificate,
		"server.pem":                certificate + key,
		"catalog/memory.properties": "connector.name=memory\n",
		"catalog/tpch.properties":   "connector.name=tpch\n",
	} {
		path := filepath.Join(s.Dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// certificate makes a certificate that is its own authority, and its key, in PEM.
func certificate(t testing.TB) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "trino"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
}
