package runner

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/tagexec/tagexec/executor/runner/words"
)

// maxSecret is the longest secret file, in bytes.
const maxSecret = 64 << 10

// secret is a value that may be sent to one origin and shown to nobody.
type secret struct {
	origin origin
	value  string
}

// readSecret reads a secret file: the origin on the first line, the value on
// the second. The file is looked up inside dir only; a link may lead to
// another place in it, as Kubernetes mounts secrets. Errors hold no content.
func readSecret(dir, name string) (secret, error) {
	if dir == "" {
		return secret{}, errors.New("this executor has no secrets directory")
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return secret{}, errors.New("the secrets directory of this executor cannot be read")
	}
	defer func() { _ = root.Close() }() // read only
	if info, err := root.Stat(name); err == nil && !info.Mode().IsRegular() {
		return secret{}, errors.New("it is no file") // nobody may write to a pipe, and its reader would wait for ever
	}
	file, err := root.Open(name)
	if err != nil {
		return secret{}, errors.New("it is not in the secrets directory of this executor")
	}
	defer func() { _ = file.Close() }() // read only
	if onlyOurs(filepath.Join(dir, name)) != nil {
		return secret{}, errors.New("others than this executor's user may change its file")
	}
	content, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	if err != nil || len(content) > maxSecret {
		return secret{}, errors.New("its file cannot be read or is too long")
	}
	first, rest, _ := strings.Cut(string(content), "\n")
	to, err := parseOrigin(strings.TrimSpace(first))
	if err != nil {
		return secret{}, errors.New("the first line of its file is not an origin such as https://host")
	}
	value := strings.TrimSpace(rest)
	if value == "" || !validHeaderValue(value) {
		return secret{}, errors.New("the second line of its file must hold the value, and nothing may follow")
	}
	return secret{origin: to, value: value}, nil
}

// checkSecrets names the secret files that others may change, and with them
// where a secret is sent. They are looked at again whenever one is read.
func checkSecrets(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("secrets directory: %w", err)
	}
	var problems []error
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			continue
		}
		if err := onlyOurs(path); err != nil {
			problems = append(problems, fmt.Errorf("secret %s: %w", words.Quote(entry.Name()), err))
		}
	}
	return errors.Join(problems...)
}
