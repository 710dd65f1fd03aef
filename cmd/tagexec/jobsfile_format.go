package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// formatOf finds out how the jobs are written, and takes a byte order mark from r.
func formatOf(r *bufio.Reader) (read func(io.Reader, func(line int, job fileJob) error) error, err error) {
	start, err := r.Peek(8) // fewer at the end
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err := checkStart(string(start)); err != nil {
		return nil, err
	}
	if bytes.HasPrefix(start, byteOrderMark) {
		_, _ = r.Discard(len(byteOrderMark)) // seen above
	}
	first, err := firstByte(r)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, err
	case first == '[':
		return nil, errors.New("it holds a JSON array; one JSON object per line is wanted (jq -c '.[]' makes them)")
	case first == '{', err != nil:
		return readJSONLines, nil
	}
	return readCSV, nil
}

var byteOrderMark = []byte("\ufeff")

// notText are the beginnings of files that are given by mistake.
var notText = []struct{ start, name, mend string }{
	{"\x1f\x8b", "packed with gzip", "gzip -dc FILE | tagexec … --jobs -"},
	{"BZh", "packed with bzip2", "bzip2 -dc FILE | tagexec … --jobs -"},
	{"\xfd7zXZ\x00", "packed with xz", "xz -dc FILE | tagexec … --jobs -"},
	{"\x28\xb5\x2f\xfd", "packed with zstd", "zstd -dc FILE | tagexec … --jobs -"},
	{"PK\x03\x04", "a zip file or an Excel sheet", "unpack it, or save the sheet as CSV in UTF-8"},
	{"\xd0\xcf\x11\xe0", "an Excel sheet", "save it as CSV in UTF-8"},
	{"PAR1", "a Parquet file", "write it as JSON lines or CSV"},
}

// checkStart refuses a file that is no UTF-8 text, as its first bytes tell.
func checkStart(start string) error {
	for _, f := range notText {
		if strings.HasPrefix(start, f.start) {
			return fmt.Errorf("it is %s, must be text: %s", f.name, f.mend)
		}
	}
	encoding := ""
	switch zero := func(at int) bool { return at < len(start) && start[at] == 0 }; {
	case strings.HasPrefix(start, "\xff\xfe\x00\x00"), strings.HasPrefix(start, "\x00\x00\xfe\xff"):
		encoding = "UTF-32"
	case strings.HasPrefix(start, "\xff\xfe"), strings.HasPrefix(start, "\xfe\xff"):
		encoding = "UTF-16"
	case zero(1) && zero(2) && zero(3):
		encoding = "UTF-32LE"
	case zero(0) && zero(1) && zero(2):
		encoding = "UTF-32BE"
	case zero(1):
		encoding = "UTF-16LE"
	case zero(0):
		encoding = "UTF-16BE"
	default:
		return nil
	}
	return fmt.Errorf("it is %[1]s, must be UTF-8 (iconv -f %[1]s -t UTF-8 makes it so)", encoding)
}

// firstByte returns the first byte that is not blank, without taking it.
func firstByte(r *bufio.Reader) (byte, error) {
	for n := 1; ; n++ {
		seen, err := r.Peek(n)
		if errors.Is(err, bufio.ErrBufferFull) {
			return 0, fmt.Errorf("it begins with %d blanks", len(seen))
		}
		if err != nil {
			return 0, err
		}
		if b := seen[n-1]; bytes.IndexByte([]byte(" \t\r\n"), b) < 0 {
			return b, nil
		}
	}
}
