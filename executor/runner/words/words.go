// Package words makes what a payload, a server or a program said fit for a sentence:
// quoted, short, and never cut within a rune.
package words

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// Quote quotes a text of the payload for a sentence and keeps it short: a name
// may be as long as a payload.
func Quote(s string) string { return fmt.Sprintf("%q", Clip(s, 80)) }

// Clip cuts s after at most n bytes, at the start of a rune, and shows the cut.
func Clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:RuneStart(s, n)] + "…"
}

// RuneStart returns the largest index ≤ n at which s can be cut without
// splitting a rune whose first bytes are there. Bytes that are no UTF-8 can be
// cut anywhere.
func RuneStart(s string, n int) int {
	for i := n - 1; i >= 0 && i > n-utf8.UTFMax; i-- {
		if !utf8.RuneStart(s[i]) {
			continue
		}
		if utf8.FullRuneInString(s[i:n]) {
			return n
		}
		return i
	}
	return n
}

// Thousands writes n with a comma every three digits.
func Thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
