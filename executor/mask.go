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
	text = urlToken.ReplaceAllString(maskURLs(text), "${1}"+Redacted+"@")
	text = loginHeader.ReplaceAllString(text, "${1}"+Redacted)
	return passwordField.ReplaceAllString(text, "${1}"+Redacted)
}

// mayHoldPassword reports whether it is worth looking.
func mayHoldPassword(text string) bool {
	return strings.ContainsAny(text, "@=") || strings.Contains(text, "uthorization") || strings.Contains(text, "UTHORIZATION")
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
