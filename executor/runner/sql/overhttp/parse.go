package overhttp

import "github.com/tagexec/tagexec/executor/runner/sql"

// Parse is sql.ParseURL with one port for HTTP and another one for HTTPS.
func Parse(text, plain, secure string, known ...string) (sql.URL, error) {
	u, err := sql.ParseURL(text, plain, known...)
	if err != nil || u.TLS == nil {
		return u, err
	}
	return sql.ParseURL(text, secure, known...)
}
