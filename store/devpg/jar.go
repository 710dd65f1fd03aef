package devpg

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/git-pkgs/purl"
)

// mavenCentral is the base URL of Maven Central.
var mavenCentral = purl.DefaultRegistry("maven")

// fetchTimeout bounds the transfer of one file, because a connection may hang without an error.
const fetchTimeout = 10 * time.Minute

// jar is the archive of a PostgreSQL version for a platform, as github.com/zonkyio/embedded-postgres-binaries publishes it.
type jar struct {
	version  string
	platform string
	url      string
}

func jarFor(repository string, major int) (jar, error) {
	version, ok := downloads[major]
	if !ok {
		return jar{}, fmt.Errorf("there are no binaries of PostgreSQL %d to download", major)
	}
	arch, ok := map[string]string{"amd64": "amd64", "arm64": "arm64v8"}[runtime.GOARCH]
	if !ok || runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		return jar{}, fmt.Errorf("there are no binaries of PostgreSQL to download for %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	platform := runtime.GOOS + "-" + arch
	if _, err := os.Stat("/etc/alpine-release"); err == nil {
		platform += "-alpine" // linked with musl
	}
	artifact := "embedded-postgres-binaries-" + platform
	url := fmt.Sprintf("%s/io/zonky/test/postgres/%s/%s/%[2]s-%[3]s.jar", repository, artifact, version)
	return jar{version: version, platform: platform, url: url}, nil
}

// directory is where the cache holds what was in the jar.
func (j jar) directory() string { return "postgresql-" + j.version + "-" + j.platform }

// fetch writes the jar to a new file and compares its checksum with the one that the repository states.
func (j jar) fetch(ctx context.Context, path string) error {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: fetchTimeout}

	var stated strings.Builder
	if err := get(ctx, client, j.url+".sha256", &stated); err != nil {
		return err
	}
	want, err := hex.DecodeString(strings.TrimSpace(stated.String()))
	if err != nil || len(want) != sha256.Size {
		return fmt.Errorf("GET %s.sha256: the answer is no SHA-256 checksum", j.url)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	hash := sha256.New()
	err = errors.Join(get(ctx, client, j.url, io.MultiWriter(file, hash)), file.Close())
	if err != nil {
		return err
	}
	if got := hash.Sum(nil); string(got) != string(want) {
		return fmt.Errorf("GET %s: the file's SHA-256 checksum is %x, but should be %x", j.url, got, want)
	}
	return nil
}

// get copies the file at a URL to w.
func get(ctx context.Context, client *http.Client, url string, w io.Writer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err // says what was asked of whom
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	if _, err := io.Copy(w, resp.Body); err != nil {
		return fmt.Errorf("GET %s: %w", url, err)
	}
	return nil
}
