package cli

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"
)

// Confirm says what is about to happen and asks whether to go on. Only the word yes
// agrees. It asks a person: where none is at a terminal, asked is false.
func Confirm(std Streams, what string) (agreed, asked bool) {
	in, ok := std.In.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return false, false
	}
	fmt.Fprintf(std.Err, "%s Type yes to go on: ", what)
	answer, err := bufio.NewReader(in).ReadString('\n')
	return err == nil && strings.TrimSpace(answer) == "yes", true
}
