package runner

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"

	"github.com/tagexec/tagexec/executor"
)

// bodyError is what is wrong with how a body is packed. It quotes nothing.
type bodyError struct{ text string }

func (e *bodyError) Error() string { return e.text }

// unpacked are the names of what unpack leaves plain.
var unpacked = []string{"", "identity", "gzip", "x-gzip", "deflate"}

// readBody reads at most limit bytes of an answer's body, unpacked, and returns
// them as UTF-8. It reports whether there was more. What it reads it also writes to
// shown, as it comes, unless that becomes another text at the end.
func readBody(r *http.Response, limit int64, shown io.Writer) (body []byte, cut bool, err error) {
	reader, err := unpack(r)
	if err != nil {
		return nil, false, err
	}
	buffered := bufio.NewReader(reader)
	if head, _ := buffered.Peek(3); hasMark(head) { // what is wrong is found again by the next read
		shown = io.Discard
	}
	body, err = io.ReadAll(io.TeeReader(io.LimitReader(buffered, limit+1), shown))
	if cut = int64(len(body)) > limit; cut {
		body = body[:limit]
	}
	return inUTF8(body, r.Header.Get("Content-Type")), cut, unpackError(err)
}

// show lets people see a body while it is read, and returns where to write it. One that
// is perhaps not in UTF-8 is shown when it has been read: only then can that be told.
func (x *exchange) show(ctx context.Context, r *http.Response) io.Writer {
	_, parameters, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if charset := parameters["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return io.Discard
	}
	body := &Capture{}
	executor.ShowOutput(ctx, redacted{body, &x.redact})
	return body
}

// unpack returns a reader of the body without its compression. Nobody asked for
// one, but some servers do it all the same, and some only say so.
func unpack(r *http.Response) (io.Reader, error) {
	body := bufio.NewReader(r.Body)
	head, err := body.Peek(2)
	if len(head) < 2 {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return body, err
	}
	isGzip := head[0] == 0x1f && head[1] == 0x8b
	isZlib := head[0]&0x0f == 8 && (int(head[0])<<8+int(head[1]))%31 == 0
	switch packing(r) {
	case "gzip", "x-gzip":
		if isGzip {
			reader, err := gzip.NewReader(body)
			return reader, unpackError(err)
		}
	case "deflate":
		if isZlib {
			reader, err := zlib.NewReader(body)
			return reader, unpackError(err)
		}
		return flate.NewReader(body), nil
	}
	return body, nil
}

// packing names how the server says that a body is compressed.
func packing(r *http.Response) string {
	return strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding")))
}

// unpackError names the errors of the packages that unpack.
func unpackError(err error) error {
	var corrupt flate.CorruptInputError
	if errors.As(err, &corrupt) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) ||
		errors.Is(err, zlib.ErrHeader) || errors.Is(err, zlib.ErrChecksum) || errors.Is(err, zlib.ErrDictionary) {
		return &bodyError{"the body of the answer is damaged: it cannot be unpacked"}
	}
	return err
}

// inUTF8 returns a body in UTF-8 and without a byte order mark. The charset that
// the server names is believed unless the body is UTF-8 already, which text in
// another charset is hardly ever by chance. What cannot be read stays as it is.
func inUTF8(body []byte, contentType string) []byte {
	if charset := charsetOf(body, contentType); charset != nil {
		if decoded, err := charset.NewDecoder().Bytes(body); err == nil {
			body = decoded
		}
	}
	return withoutMark(body)
}

// charsetOf returns what a body is to be decoded with, nil for nothing.
func charsetOf(body []byte, contentType string) encoding.Encoding {
	if bytes.HasPrefix(body, []byte("\xff\xfe")) || bytes.HasPrefix(body, []byte("\xfe\xff")) {
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	}
	_, parameters, _ := mime.ParseMediaType(contentType)
	named, err := htmlindex.Get(parameters["charset"])
	if err != nil || named == unicode.UTF8 || named == encoding.Replacement {
		return nil
	}
	ascii := bytes.IndexFunc(body, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
	if utf8.Valid(body) && !ascii {
		return nil
	}
	return named
}

// hasMark reports whether text begins with a byte order mark.
func hasMark(text []byte) bool {
	return slices.ContainsFunc([]string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"}, func(mark string) bool { return bytes.HasPrefix(text, []byte(mark)) })
}

// withoutMark removes the byte order mark with which some programs begin UTF-8.
func withoutMark(text []byte) []byte { return bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")) }
