package overhttp

import (
	"net/url"
	"testing"
)

// A proxy in front of the server may leave out the port, or know the name in small letters.
func TestAServerMayWriteItsAddressInSeveralWays(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		source, where string
		owns          bool
	}{
		{"trino+https://Trino.example:443", "https://trino.example/v1/statement/1", true},
		{"trino+https://trino.example:443", "https://trino.example:443/v1/statement/1", true},
		{"trino://trino.example:80", "http://trino.example/1", true},
		{"trino://[::1]:8080", "http://[::1]:8080/1", true},
		{"trino+https://trino.example:8443", "https://trino.example/1", false},
		{"trino+https://trino.example:443", "http://trino.example:443/1", false},
		{"trino://trino.example:443", "https://trino.example/1", false},
		{"trino://trino.example:80", "http://elsewhere.example/1", false},
		{"trino://trino.example:80", "http://u:p@trino.example/1", false},
	} {
		source, err := Parse(tt.source, "8080", "8443")
		if err != nil {
			t.Fatal(err)
		}
		where, err := url.Parse(tt.where)
		if err != nil {
			t.Fatal(err)
		}
		if owns := New(source, 1).Owns(where); owns != tt.owns {
			t.Errorf("%s of %s: %v", tt.where, tt.source, owns)
		}
	}
}
