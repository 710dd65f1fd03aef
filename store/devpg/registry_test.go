package devpg_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"sync/atomic"
	"testing"

	"github.com/ulikunitz/xz"
)

// archive is what a registry has: the jar, and the checksum that it states.
type archive struct {
	jar      []byte
	checksum string
}

// withChecksum states the right checksum.
func withChecksum(jar []byte) archive { return archive{jar, checksum(jar)} }

func checksum(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }

// registry stands for Maven Central. It has one archive, whatever the version.
type registry struct {
	*httptest.Server
	archive atomic.Pointer[archive]
	jars    atomic.Int32 // requests for the jar
}

func newRegistry(t *testing.T, a archive) *registry {
	t.Helper()
	r := new(registry)
	r.archive.Store(&a)
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	a := r.archive.Load()
	switch {
	case path.Ext(req.URL.Path) == ".sha256" && a.checksum != "":
		_, _ = fmt.Fprintln(w, a.checksum)
	case path.Ext(req.URL.Path) == ".jar" && a.jar != nil:
		r.jars.Add(1)
		_, _ = w.Write(a.jar) // the client may have gone
	default:
		http.NotFound(w, req)
	}
}

// breaking answers a request for the jar with the first half of it, then calls broken and waits for the client to go.
func breaking(t *testing.T, a archive, broken func(http.ResponseWriter, *http.Request)) *httptest.Server {
	t.Helper()
	whole := newRegistry(t, a)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if path.Ext(req.URL.Path) != ".jar" {
			whole.ServeHTTP(w, req)
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(a.jar)))
		_, _ = w.Write(a.jar[:len(a.jar)/2])
		_ = http.NewResponseController(w).Flush()
		broken(w, req)
	}))
	t.Cleanup(s.Close)
	return s
}

// entry of a tar archive: a symbolic link if it has a target, else a file.
type entry struct {
	name    string
	content string
	target  string
}

// programs are the least that passes for PostgreSQL.
func programs() []entry {
	return []entry{
		{name: "bin/initdb", content: "#!/bin/sh\n"},
		{name: "bin/postgres-17", content: "#!/bin/sh\necho 'postgres (PostgreSQL) 17.99'\n"},
		{name: "bin/postgres", target: "postgres-17"},
	}
}

func makeJar(t *testing.T, entries ...entry) []byte {
	t.Helper()
	return makeZip(t, "postgres.txz", makeTxz(t, entries...))
}

func makeZip(t *testing.T, name string, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.CreateHeader(&zip.FileHeader{Name: name}) // stored: a broken .txz reaches the reader as it is
	must(t, err)
	_, err = w.Write(content)
	must(t, err)
	must(t, z.Close())
	return b.Bytes()
}

func makeTxz(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	x, err := xz.NewWriter(&b)
	must(t, err)
	w := tar.NewWriter(x)
	for _, e := range entries {
		header := tar.Header{Name: e.name, Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(e.content))}
		if e.target != "" {
			header.Typeflag, header.Linkname = tar.TypeSymlink, e.target
		}
		must(t, w.WriteHeader(&header))
		_, err := w.Write([]byte(e.content))
		must(t, err)
	}
	must(t, w.Close())
	must(t, x.Close())
	return b.Bytes()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
