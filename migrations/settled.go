package migrations

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"regexp"
	"strings"
)

// settled are numbered files that begin with our settings, up and down, unless they
// run outside a transaction.
type settled struct{ fs.FS }

var (
	section       = regexp.MustCompile(`(?m)^-- \+goose (Up|Down)$`)
	noTransaction = regexp.MustCompile(`(?m)^-- \+goose NO TRANSACTION$`)
)

// Open opens a file or a directory.
func (s settled) Open(name string) (fs.File, error) {
	file, err := s.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return file, err
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if !noTransaction.Match(text) {
		text = section.ReplaceAll(text, []byte("$0\n"+settings))
	}
	return settledFile{file, bytes.NewReader(text)}, nil
}

// settledFile is a file with another text.
type settledFile struct {
	fs.File
	text io.Reader
}

func (f settledFile) Read(b []byte) (int, error) { return f.text.Read(b) }
