package chaos

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"

	"github.com/jackc/pgerrcode"
)

// executorLog keeps what an executor says, and reads it: an io.Writer for one
// process after the other.
type executorLog struct {
	testbed *testbed
	file    *os.File
	rest    []byte // of a line that is not complete
}

func openLog(b *testbed, path string) (*executorLog, error) {
	file, err := os.Create(path)
	return &executorLog{testbed: b, file: file}, err
}

func (l *executorLog) Write(b []byte) (int, error) {
	l.rest = append(l.rest, b...)
	for {
		line, rest, complete := bytes.Cut(l.rest, []byte{'\n'})
		if !complete {
			break
		}
		l.read(line)
		l.rest = append([]byte(nil), rest...)
	}
	return l.file.Write(b)
}

const lateMessage = "late results were refused: the claims are no longer ours"

// read counts late results, and looks for what may never be said.
func (l *executorLog) read(line []byte) {
	var said struct {
		Message string `json:"msg"`
		Results int64  `json:"results"`
	}
	if json.Unmarshal(line, &said) == nil && said.Message == lateMessage {
		l.testbed.refused.Add(said.Results)
	}
	for _, never := range []string{"panic: ", "fatal error: ", "DATA RACE", pgerrcode.DeadlockDetected} {
		if strings.Contains(string(line), never) {
			l.testbed.findings.add("executor_log", "%.300s", line)
		}
	}
}

func (l *executorLog) close() { _ = l.file.Close() } // it is only looked at after a failure
