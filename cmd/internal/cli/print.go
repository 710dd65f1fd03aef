package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/tagexec/tagexec/store/postgres"
)

// PrintError prints what went wrong. Line breaks in it are escaped, so that text
// quoted in it cannot pass for a line of ours, but those between lines.
func PrintError(w io.Writer, program string, err error) {
	text := Printable(Text(err))
	if own := (lines)(nil); errors.As(err, &own) {
		text = strings.Join(own, "\n  ")
	}
	fmt.Fprintf(w, "%s: %s\n", program, text)
}

// Text returns the text of an error.
func Text(err error) string { return strings.TrimSpace(postgres.Describe(err)) }

// lines is an error with a text in several lines.
type lines []string

func (l lines) Error() string { return strings.Join(l, "\n") }

// WithLines is an error of the caller that quotes the output of a program, such as
// initdb, whose lines stay.
func WithLines(doing string, err error) error {
	var text lines
	for line := range strings.Lines(doing + ": " + strings.TrimSpace(err.Error())) {
		text = append(text, Printable(strings.TrimRight(line, "\r\n")))
	}
	return &Error{ExitUsage, text}
}

// WrongConfiguration is the error of a configuration with these problems.
func WrongConfiguration(problems []string) error {
	text := lines{"the configuration is wrong:"}
	for _, p := range problems {
		text = append(text, "  "+Printable(p))
	}
	return &Error{ExitUsage, append(text, "`tagexec help config` lists all variables")}
}
