package runner

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/tagexec/tagexec/executor/runner/words"
)

// exitNotFound is how a shell, or env in a #! line, says that it has not found a
// program.
const exitNotFound = 127

// scriptFault says what keeps the kernel from starting a script, as the end of a
// sentence; "" if nothing is found. The kernel's own "no such file or directory"
// means the interpreter, and hides why.
func scriptFault(path string) string {
	line, err := firstLine(path)
	if err != nil {
		return ""
	}
	interpreter, isScript := bytes.CutPrefix(withoutMark(line), []byte("#!"))
	program, _, _ := bytes.Cut(bytes.TrimSpace(interpreter), []byte(" "))
	switch {
	case !isScript:
		return ""
	case len(withoutMark(line)) < len(line):
		return "; the script begins with a byte order mark, which hides its #! line: save it without one"
	case bytes.HasSuffix(line, []byte("\r")):
		return "; the script's lines end with CR LF, as on Windows, so the name of its interpreter ends with a carriage return: save it with LF"
	}
	if _, err := os.Stat(string(program)); err != nil {
		return fmt.Sprintf("; the interpreter in its first line, %s, is not there", words.Quote(string(program)))
	}
	return ""
}

// shellFault says, of a script for a shell that failed, that it has lines of Windows:
// the shell takes the carriage return for a part of the last word. Such a script may
// have a first line that is right.
func shellFault(path string) string {
	first, err := firstLine(path)
	if err != nil || !bytes.HasPrefix(first, []byte("#!")) || !bytes.HasSuffix(bytes.TrimSpace(first), []byte("sh")) || bytes.HasSuffix(first, []byte("\r")) {
		return ""
	}
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = file.Close() }() // read only
	if text, _ := io.ReadAll(io.LimitReader(file, maxLine)); !bytes.Contains(text, []byte("\r\n")) {
		return ""
	}
	return "; lines of the script end with CR LF, as on Windows, so words in it end with a carriage return: save it with LF"
}

// firstLine returns the first line of a file, as far as the kernel looks.
func firstLine(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // read only
	head, err := io.ReadAll(io.LimitReader(file, 256))
	line, _, _ := bytes.Cut(head, []byte("\n"))
	return line, err
}
