package listing

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Plural is a count with what is counted: "1 job", "1,234 jobs".
func Plural(n int, what string) string {
	if n != 1 {
		what += "s"
		if strings.HasSuffix(what, "chs") {
			what = strings.TrimSuffix(what, "s") + "es"
		}
	}
	return Thousands(n) + " " + what
}

// Thousands is a number as people read it.
func Thousands(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// Capped is a count that ends at most, with a sign that there are more.
func Capped(n, most int) string {
	if n > most {
		return Thousands(most) + "+"
	}
	return Thousands(n)
}

// Sentence is a text that begins with a capital letter and ends with a full stop.
func Sentence(text string) string {
	if text == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(text)
	text = string(unicode.ToUpper(first)) + text[size:]
	if strings.ContainsAny(text[len(text)-1:], ".!?") {
		return text
	}
	return text + "."
}
