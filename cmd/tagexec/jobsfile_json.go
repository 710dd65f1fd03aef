package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// readJSONLines reads one JSON object per line.
func readJSONLines(r io.Reader, add func(line int, job fileJob) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, longestLine)
	n := 0
	for lines.Scan() {
		n++
		text := bytes.TrimSpace(bytes.TrimPrefix(lines.Bytes(), byteOrderMark)) // joined files have several
		if len(text) == 0 {
			continue
		}
		job, err := decodeJob(text)
		switch {
		case err == nil:
			err = add(n, job)
		case !json.Valid(text):
			err = fmt.Errorf("%w; each line holds one whole object (jq -c . makes such lines)", err)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	err := lines.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		err = errLongLine
	}
	if err != nil {
		return fmt.Errorf("line %d: %w", n+1, err)
	}
	return nil
}

var errLongLine = fmt.Errorf("is longer than %d MB: each job has a line of its own, and a payload of at most 256 kB", longestLine>>20)
