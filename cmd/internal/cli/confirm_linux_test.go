package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal returns a terminal on which a person has typed.
func terminal(t *testing.T, typed string) *os.File {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprint("/dev/pts/", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tty.Close() })
	if _, err := person.WriteString(typed); err != nil {
		t.Fatal(err)
	}
	return tty
}

func TestConfirmTakesOnlyYesOfAPerson(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]struct{ agreed, lost bool }{
		"yes\n": {true, true}, "Yes\n": {true, true}, "y\n": {true, false}, "Y\n": {true, false}, "\n": {}, "no\n": {}, "n\n": {}, "yes please\n": {},
	} {
		var shown bytes.Buffer
		agreed, asked, _ := Confirm(t.Context(), Streams{In: terminal(t, typed), Err: &shown}, "7 jobs?")
		if agreed != want.agreed || !asked || shown.String() != "7 jobs? Type y or yes to go on: " {
			t.Errorf("typed %q: agreed %t, asked %t, shown %q", typed, agreed, asked, shown.String())
		}
		shown.Reset()
		agreed, asked, _ = ConfirmLoss(t.Context(), Streams{In: terminal(t, typed), Err: &shown}, "All is lost.")
		if agreed != want.lost || !asked || shown.String() != "All is lost. Type yes to go on: " {
			t.Errorf("typed %q: to a loss agreed %t, asked %t, shown %q", typed, agreed, asked, shown.String())
		}
	}
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if agreed, asked, _ := Confirm(t.Context(), Streams{In: file, Err: &bytes.Buffer{}}, ""); agreed || asked {
		t.Error("asked a file")
	}
	if agreed, asked, _ := Confirm(t.Context(), Streams{In: strings.NewReader("yes\n"), Err: &bytes.Buffer{}}, ""); agreed || asked {
		t.Error("asked a pipe")
	}
}

func TestNobodyIsWaitedForBeyondASignal(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("a signal"))
	agreed, asked, err := Confirm(ctx, Streams{In: terminal(t, ""), Err: &bytes.Buffer{}}, "")
	if agreed || !asked || err == nil || err.Error() != "a signal" {
		t.Errorf("agreed %t, asked %t, %v", agreed, asked, err)
	}
}
