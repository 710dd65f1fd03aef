package page

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// storable returns an error if an address or a form holds what no text in a database can
// be: the server would refuse the question, and not say of what it speaks.
func storable(path string, values url.Values) error {
	if !isText(path) {
		return wrong("this address holds a character that no name has")
	}
	for name, list := range values {
		for _, value := range list {
			if !isText(name) || !isText(value) {
				return wrong("%s holds a character that no text in a database has", strings.ToValidUTF8(name, "?"))
			}
		}
	}
	return nil
}

func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }
