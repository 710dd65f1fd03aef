package executor

import (
	"regexp"
	"strings"
)

// Redacted stands where a password or another secret was.
const Redacted = "[redacted]"

var (
	// urlLogin is a URL up to its password: scheme://user:, its slashes perhaps
	// escaped as in JSON.
	urlLogin = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*:(?:\\?/){2}[^\s/@:"'<>\\]*:`)
	// urlToken is a URL with a login that is no more than one word: a user, or, as
	// https://TOKEN@host, a password.
	urlToken = regexp.MustCompile(`(?i)\b([a-z][a-z0-9+.-]*:(?:\\?/){2})[^\s/?#@:"'<>\\]+@`)
	// urlPort tells a port from a password: a path, query or nothing follows.
	urlPort = regexp.MustCompile(`^\d{1,5}\\?[/?#]`)
	// passwordField is a password of a connection string, of a URL's query or of an
	// assignment to a variable; the value may be quoted, and the quotes escaped.
	passwordField = regexp.MustCompile(`(?i)((?:password|passwd|pwd)\s*=\s*)(?:'[^']*'|"[^"]*"|\\"[^"\\]*\\"|[^\s&"'<>;,\\]+)`)
	// loginHeader is a header with a login up to its token, as curl -v prints it, or as
	// one text of JSON or of a program's data names it.
	loginHeader = regexp.MustCompile(`(?i)(authorization\\?["']?\s*[:=]\s*\\?["']?(?:basic|bearer|token|apikey|negotiate)\s+)[^\s"'\\<>,;]+`)
)

// MaskPasswords hides the passwords in a text that anybody may have written:
// scheme://user:password@host, scheme://token@host, password=… as in connection
// strings and the query of a URL, and Authorization: Bearer …. What is stored of an attempt has passed through it. Texts are
// cut only afterwards: of half a URL nobody can tell where its password ends.
func MaskPasswords(text string) string {
	if !mayHoldPassword(text) {
		return text
	}
	return maskAll(text)
}

func maskAll(text string) string {
	text = urlToken.ReplaceAllString(maskURLs(text), "${1}"+Redacted+"@")
	text = loginHeader.ReplaceAllString(text, "${1}"+Redacted)
	return passwordField.ReplaceAllString(text, "${1}"+Redacted)
}

// mayHoldPassword reports whether it is worth looking.
func mayHoldPassword(text string) bool {
	return strings.ContainsAny(text, "@=") || strings.Contains(text, "uthorization") || strings.Contains(text, "UTHORIZATION")
}

const (
	// wordEnds end whatever may be the password of a URL, a field or a header, unless
	// openPassword says that it has not begun yet, or is quoted.
	wordEnds = " \t\r\n\"'<>"
	// longestWord is how long a text without any of them may be before it is cut, in
	// bytes, and wordMargin what then is left at its end: longer than what a password
	// begins with.
	longestWord = 8 << 10
	wordMargin  = 64
)

var (
	// openPassword is the end of a text in which a password was announced, or a quoted
	// one was begun.
	openPassword = regexp.MustCompile(`(?i)(?:(?:password|passwd|pwd)\s*(?:=\s*(?:'[^']*|"[^"]*|\\"[^"\\]*)?)?` +
		`|authorization\\?["']?\s*(?:[:=]\s*\\?["']?(?:(?:basic|bearer|token|apikey|negotiate)\s+)?)?)$`)
	// announced is what a long word is not cut for.
	announced = regexp.MustCompile(`(?i)password|passwd|pwd|authorization|:(?:\\?/){2}`)
)

// maskable returns how much of a text maskAll may be given by itself, whatever follows
// it: the parts together become what the whole becomes.
func maskable(text string) int {
	end := strings.LastIndexAny(text, wordEnds) + 1
	word, open := text[end:], openPassword.FindStringIndex(text[:end])
	if open == nil && len(word) > longestWord && !announced.MatchString(word) {
		// What follows may make a URL of it, whose scheme then begins where it did before.
		end += max(0, strings.LastIndexFunc(word[:len(word)-wordMargin], func(r rune) bool { return !strings.ContainsRune("0123456789+.-", r) }))
	}
	for open != nil {
		end = strings.LastIndexAny(text[:open[0]], wordEnds) + 1
		open = openPassword.FindStringIndex(text[:end])
	}
	return end
}

// maskURLs hides what stands between scheme://user: and the last @ before a blank
// or a quote, since a password may hold an @ that nobody escaped.
func maskURLs(text string) string {
	var masked strings.Builder
	for {
		login := urlLogin.FindStringIndex(text)
		if login == nil {
			break
		}
		masked.WriteString(text[:login[1]])
		text = text[login[1]:]
		password := text
		if end := strings.IndexAny(text, " \t\r\n\"'<>"); end >= 0 {
			password = text[:end]
		}
		end := strings.LastIndexByte(password, '@')
		if end < 0 || urlPort.MatchString(password[:end]) {
			continue
		}
		masked.WriteString(Redacted)
		text = text[end:]
	}
	masked.WriteString(text)
	return masked.String()
}
