package cli

import (
	"log"
	"strings"
	"testing"
)

func TestQuietPassesNothingThatAServerSent(t *testing.T) {
	var out strings.Builder
	l := log.New(quiet{&out}, "", 0)
	l.Printf("Unsolicited response received on idle HTTP channel starting with %q; err=%v", "s3cret", nil)
	l.Print("http: panic serving 127.0.0.1")
	if got, want := out.String(), "Unsolicited response received\nhttp: panic serving 127.0.0.1\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
