package cli

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"
)

// Confirm says what is about to happen and asks whether to go on: y and yes agree. It
// asks a person: where none is at a terminal, asked is false. The error is why ctx ended
// first; the goroutine that reads is then left behind, and ends with the process.
func Confirm(ctx context.Context, std Streams, what string) (agreed, asked bool, err error) {
	return confirm(ctx, std, what, "y", "yes")
}

// ConfirmLoss is Confirm of what nobody can bring back: only the word yes agrees.
func ConfirmLoss(ctx context.Context, std Streams, what string) (agreed, asked bool, err error) {
	return confirm(ctx, std, what, "yes")
}

func confirm(ctx context.Context, std Streams, what string, agree ...string) (agreed, asked bool, err error) {
	in, ok := std.In.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return false, false, nil
	}
	fmt.Fprintf(std.Err, "%s Type %s to go on: ", Printable(what), strings.Join(agree, " or "))
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(in).ReadString('\n') // what ends without a line break is no yes
		answer <- line
	}()
	select {
	case line := <-answer:
		return slices.Contains(agree, strings.ToLower(strings.TrimSpace(line))) && strings.HasSuffix(line, "\n"), true, nil
	case <-ctx.Done():
		fmt.Fprintln(std.Err)
		return false, true, context.Cause(ctx)
	}
}
