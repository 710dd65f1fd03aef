package cli

import (
	"os"

	"golang.org/x/term"
)

// OnTerminal reports whether a person is at the other end of a stream.
func OnTerminal(stream any) bool {
	return Terminal(stream) != nil
}

// Width is how many columns the terminal at the other end of a stream has; 0 if there
// is none, or if it does not tell.
func Width(stream any) int {
	f := file(stream)
	if f == nil {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// file returns the file that a stream writes to, or nil.
func file(stream any) *os.File {
	if o, ok := stream.(*output); ok {
		stream = o.raw
	}
	f, _ := stream.(*os.File)
	return f
}

// Terminal returns the terminal at the other end of a stream, or nil. What is written to
// it is not escaped: no text of a job may go there as it is.
func Terminal(stream any) *os.File {
	if f := file(stream); f != nil && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}
