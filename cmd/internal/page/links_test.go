package page_test

import (
	"html"
	"net/http/httptest"
	"regexp"
	"strings"
)

// contains reports whether an answer holds a text.
func contains(w *httptest.ResponseRecorder, text string) bool {
	return strings.Contains(w.Body.String(), text)
}

// next is the address of the link with this text; "" if there is none.
func next(w *httptest.ResponseRecorder, text string) string {
	found := regexp.MustCompile(`<a[^>]* href="([^"]*)"[^>]*>` + regexp.QuoteMeta(text) + `</a>`).FindStringSubmatch(w.Body.String())
	if found == nil {
		return ""
	}
	return html.UnescapeString(found[1])
}
