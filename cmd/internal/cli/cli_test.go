package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
)

func TestPrintableEscapesWhatATerminalObeys(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain, 日本 é\u3000\u00a0": "plain, 日本 é\u3000\u00a0",
		"\x1b[31mred\x1b[0m":      `\u001b[31mred\u001b[0m`,
		"a\nb\r\tc\x00\x7f":       `a\nb\r\tc\u0000\u007f`,
		"\u009b31m\u0085":         `\u009b31m\u0085`, // one character for ESC [, and a next line
		"a\u2028b\u2029":          `a\u2028b\u2029`,
		"\u202egpj\u202c\u2066":   `\u202egpj\u202c\u2066`,
		"\ufeffa\u200bb":          `\ufeffa\u200bb`,
		"\U000e0001":              `\udb40\udc01`,
		"GBK \xb0\xdc":            `GBK \xb0\xdc`,
	} {
		if got := cli.Printable(text); got != want {
			t.Errorf("%q is shown as %s, want %s", text, got, want)
		}
	}
}

// run runs a program whose only command does what it is told.
func run(t *testing.T, do func(cli.Streams) error, out, errOut *stream) int {
	return cli.Run(t.Context(), func(std cli.Streams) *cobra.Command {
		return &cobra.Command{Use: "program", RunE: func(*cobra.Command, []string) error { return do(std) }}
	}, nil, cli.Streams{Out: out, Err: errOut})
}

// stream keeps what is written to it, or fails.
type stream struct {
	bytes.Buffer
	err error
}

func (s *stream) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	return s.Buffer.Write(p)
}

func TestNothingThatATerminalObeysPassesAnyStream(t *testing.T) {
	t.Parallel()
	var out, errOut stream
	code := run(t, func(std cli.Streams) error {
		fmt.Fprintln(std.Out, "\x1b[2Jtag\t1\r")
		fmt.Fprintln(std.Err, "\u202etag")
		return errors.New("no such tag\nsucceeded everything [ok] fine")
	}, &out, &errOut)
	if code == 0 || out.String() != "\\u001b[2Jtag\t1\\r\n" || errOut.String() != "\\u202etag\nprogram: no such tag\\nsucceeded everything [ok] fine\n" {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, out.String(), errOut.String())
	}
}

func TestLinesOfAProgramStayWithinTheError(t *testing.T) {
	t.Parallel()
	var out, errOut stream
	code := run(t, func(cli.Streams) error {
		return cli.WithLines("start it", errors.New("initdb: exit status 1\r\nno \x1b[1mspace\x1b[0m\n"))
	}, &out, &errOut)
	if want := "program: start it: initdb: exit status 1\n  no \\u001b[1mspace\\u001b[0m\n"; code != cli.ExitUsage || errOut.String() != want {
		t.Errorf("exit code %d, stderr %q, want %q", code, errOut.String(), want)
	}
}

func TestStdoutThatTakesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		code int
		said string
	}{
		"a full disk":     {&fs.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.ENOSPC}, cli.ExitUsage, "program: the result could not be written to stdout: no space left on device\n"},
		"a closed reader": {&fs.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.EPIPE}, cli.ExitOK, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var errOut stream
			code := run(t, func(std cli.Streams) error {
				_, err := fmt.Fprintln(std.Out, "result")
				return err
			}, &stream{err: c.err}, &errOut)
			if code != c.code || errOut.String() != c.said {
				t.Errorf("exit code %d, want %d; stderr %q, want %q", code, c.code, errOut.String(), c.said)
			}
			// What the command itself ended with says more.
			code = run(t, func(std cli.Streams) error {
				fmt.Fprintln(std.Out, "result")
				return cli.Exit(cli.ExitJobs)
			}, &stream{err: c.err}, &errOut)
			if code != cli.ExitJobs {
				t.Errorf("exit code %d after a failed job, want %d", code, cli.ExitJobs)
			}
		})
	}
}

func TestDurationsMayBeInDays(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"90d": 2160 * time.Hour, "1d12h": 36 * time.Hour, "0.5d": 12 * time.Hour, "250ms": 250 * time.Millisecond} {
		var d cli.Duration
		if err := d.Set(text); err != nil || time.Duration(d) != want {
			t.Errorf("%s is %s, %v, want %s", text, d, err, want)
		}
	}
	for _, text := range []string{"", "d", "90", "90 d", "1w", "999999999d", "nand", "1d1d1", "-1d", "-1s", "1d-12h", "1e3d", "1_0d", "0x1p3d", "+1d", " 5s", "５s", "１d"} {
		var d cli.Duration
		if err := d.Set(text); err == nil || !strings.Contains(err.Error(), "90d") {
			t.Errorf("%q became %s, %v", text, d, err)
		}
	}
}

// gated is a stream that takes nothing before it is opened.
type gated struct {
	stream
	open chan struct{}
}

func (g *gated) Write(p []byte) (int, error) {
	<-g.open
	return g.stream.Write(p)
}

// Results wait for their reader, messages do not: what found no room is counted.
func TestAReaderThatComesLate(t *testing.T) {
	t.Parallel()
	g := &gated{open: make(chan struct{})}
	code := cli.Run(t.Context(), func(std cli.Streams) *cobra.Command {
		return &cobra.Command{Use: "program", RunE: func(*cobra.Command, []string) error {
			for range 3000 {
				fmt.Fprintln(std.Err, strings.Repeat("m", 1000))
			}
			time.AfterFunc(10*time.Millisecond, func() { close(g.open) })
			for range 3000 {
				fmt.Fprintln(std.Out, strings.Repeat("r", 1000))
			}
			fmt.Fprintln(std.Err, "the last message")
			return nil
		}}
	}, nil, cli.Streams{Out: g, Err: g})
	text := g.String()
	if results := strings.Count(text, "r\n"); code != 0 || results != 3000 {
		t.Errorf("code %d, %d results of 3000", code, results)
	}
	left := 3000 - strings.Count(text, "m\n")
	if want := fmt.Sprintf("… %d bytes are left out here: nobody read them …\nthe last message\n", left*1001); left < 1000 || !strings.HasSuffix(text, want) {
		t.Errorf("the end is %q, want %q", text[max(0, len(text)-200):], want)
	}
}
