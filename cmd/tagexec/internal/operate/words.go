package operate

import (
	"fmt"
	"strconv"
	"strings"
)

// plural is a count with what is counted: "1 job", "1,234 jobs".
func plural(n int, what string) string {
	if n != 1 {
		what += "s"
		if strings.HasSuffix(what, "chs") {
			what = strings.TrimSuffix(what, "s") + "es"
		}
	}
	return thousands(n) + " " + what
}

// thousands is a number as people read it.
func thousands(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// capped is a count that ends at most, with a sign that there are more.
func capped(n, most int) string {
	if n > most {
		return thousands(most) + "+"
	}
	return thousands(n)
}

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

// shellWord is a word as a shell takes it.
func shellWord(word string) string {
	if strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_-./+@%=,") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
