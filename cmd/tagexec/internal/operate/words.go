package operate

import (
	"fmt"
	"strings"
)

// maybe is a text that may be missing.
func maybe(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// number is a number that may be missing.
func number[N int | int64](n *N) string {
	if n == nil {
		return ""
	}
	return fmt.Sprint(*n)
}

// failure is a code and a sentence, of which either may be missing.
func failure(code, sentence *string) string {
	return strings.TrimSpace(maybe(code) + " " + maybe(sentence))
}
