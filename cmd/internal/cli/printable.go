package cli

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Printable returns text of a job, a file or a server as it may stand in a line:
// what a terminal would obey or a reader could not see (control characters, line
// separators, marks that turn the direction of writing) is escaped, so that no
// tag, error or file name ends the line it stands in.
func Printable(text string) string {
	if strings.IndexFunc(text, obeyed) < 0 && utf8.ValidString(text) {
		return text
	}
	return string(appendPrintable(nil, []byte(text), ""))
}

// obeyed reports whether a terminal may obey a character instead of showing it.
func obeyed(r rune) bool { return !unicode.IsGraphic(r) }

// appendPrintable escapes text as JSON does within strings, so that a line of
// JSON stays one, with the same meaning. The characters of keep stay, and bytes
// that are not UTF-8 become \xNN.
func appendPrintable(to, text []byte, keep string) []byte {
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && size == 1:
			to = fmt.Appendf(to, `\x%02x`, text[0])
		case !obeyed(r) || strings.ContainsRune(keep, r):
			to = append(to, text[:size]...)
		case r == '\n':
			to = append(to, `\n`...)
		case r == '\r':
			to = append(to, `\r`...)
		case r == '\t':
			to = append(to, `\t`...)
		default:
			for _, unit := range utf16.AppendRune(nil, r) {
				to = fmt.Appendf(to, `\u%04x`, unit)
			}
		}
		text = text[size:]
	}
	return to
}
