package cli

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"
)

// Confirm says what is about to happen and asks whether to go on. Only the word yes
// agrees. It asks a person: where none is at a terminal, asked is false. The error
// is why ctx ended first; the goroutine that reads is then left behind, and ends with
// the process.
func Confirm(ctx context.Context, std Streams, what string) (agreed, asked bool, err error) {
	in, ok := std.In.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return false, false, nil
	}
	fmt.Fprintf(std.Err, "%s Type yes to go on: ", Printable(what))
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(in).ReadString('\n') // what ends without a line break is no yes
		answer <- line
	}()
	select {
	case line := <-answer:
		return strings.TrimSpace(line) == "yes" && strings.HasSuffix(line, "\n"), true, nil
	case <-ctx.Done():
		fmt.Fprintln(std.Err)
		return false, true, context.Cause(ctx)
	}
}
