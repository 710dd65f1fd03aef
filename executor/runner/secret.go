package runner

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
)

// maxSecret is the longest secret file, in bytes.
const maxSecret = 64 << 10

// redacted stands where a secret was.
const redacted = "[redacted]"

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
	file, err := root.Open(name)
	if err != nil {
		return secret{}, errors.New("it is not in the secrets directory of this executor")
	}
	defer func() { _ = file.Close() }() // read only
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

// redactor removes secrets from whatever is stored or shown.
type redactor struct {
	forms []string // every spelling, the longest first
}

// add makes r remove a value, alone, behind its authentication scheme, and in
// the encodings in which a server may echo it.
func (r *redactor) add(value string) {
	for _, v := range append([]string{value}, partsOf(value)...) {
		quoted, _ := json.Marshal(v) // a string: cannot fail
		for _, form := range []string{
			v, url.QueryEscape(v), url.PathEscape(v), strings.Trim(string(quoted), `"`),
			base64.StdEncoding.EncodeToString([]byte(v)), base64.URLEncoding.EncodeToString([]byte(v)),
			base64.RawStdEncoding.EncodeToString([]byte(v)), base64.RawURLEncoding.EncodeToString([]byte(v)),
		} {
			if form != "" && !slices.Contains(r.forms, form) {
				r.forms = append(r.forms, form)
			}
		}
	}
	slices.SortFunc(r.forms, func(a, b string) int { return len(b) - len(a) })
}

// shortest is the length from which on a part of a secret is a secret, in
// bytes: shorter ones are in every text.
const shortest = 4

// partsOf returns the token behind an authentication scheme and, where that is
// Basic, what it encodes and the password in it.
func partsOf(value string) []string {
	scheme, token, _ := strings.Cut(value, " ")
	parts := []string{token}
	if plain, err := base64.StdEncoding.DecodeString(token); err == nil && strings.EqualFold(scheme, "Basic") {
		_, password, _ := strings.Cut(string(plain), ":")
		parts = append(parts, string(plain), password)
	}
	return slices.DeleteFunc(parts, func(s string) bool { return len(s) < shortest })
}

func (r *redactor) text(s string) string { return string(r.bytes([]byte(s))) }

func (r *redactor) bytes(b []byte) []byte {
	for _, form := range r.forms {
		b = bytes.ReplaceAll(b, []byte(form), []byte(redacted))
	}
	return b
}

// cutText redacts a text whose end was cut off, perhaps within a secret.
func (r *redactor) cutText(b []byte) []byte {
	b = r.bytes(b)
	for _, form := range r.forms {
		for n := min(len(form)-1, len(b)); n >= shortest; n-- {
			if bytes.HasSuffix(b, []byte(form[:n])) {
				return append(bytes.Clone(b[:len(b)-n]), redacted...)
			}
		}
	}
	return b
}
