package executor_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/executor"
)

func TestMaskPasswords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":               "",
		"nothing to see": "nothing to see",
		"psql: FATAL: cannot connect with postgres://etl:S3cretPw@wh/db":            "psql: FATAL: cannot connect with postgres://etl:[redacted]@wh/db",
		"postgresql+psycopg2://etl:S3cretPw@wh:5432/db?sslmode=disable, again":      "postgresql+psycopg2://etl:[redacted]@wh:5432/db?sslmode=disable, again",
		"jdbc:mysql://etl:S3cretPw@wh and amqp://a:S3cretPw@b":                      "jdbc:mysql://etl:[redacted]@wh and amqp://a:[redacted]@b",
		"HTTPS://me:S3cretPw@host/":                                                 "HTTPS://me:[redacted]@host/",
		"redis://:S3cretPw@cache":                                                   "redis://:[redacted]@cache",
		"an @ in it: postgres://etl:S3cr@tPw@wh/db":                                 "an @ in it: postgres://etl:[redacted]@wh/db",
		"a slash in it: postgres://etl:S3cret/Pw@wh/db":                             "a slash in it: postgres://etl:[redacted]@wh/db",
		"digits: postgres://etl:12345@wh/db":                                        "digits: postgres://etl:[redacted]@wh/db",
		`as JSON: {"a":"postgres:\/\/etl:S3cretPw@wh\/db","b":"x@y"}`:               `as JSON: {"a":"postgres:\/\/etl:[redacted]@wh\/db","b":"x@y"}`,
		"a port is none: http://host:8080/a@b?c=d@e":                                "a port is none: http://host:8080/a@b?c=d@e",
		"a login of one word may be one: https://S3cretPw@wh/x, git+ssh://a@b":      "a login of one word may be one: https://[redacted]@wh/x, git+ssh://[redacted]@b",
		`as JSON: "https:\/\/S3cretPw@wh\/x"`:                                       `as JSON: "https:\/\/[redacted]@wh\/x"`,
		"an address is none: http://wh/?mail=a@b and http://wh?to=a@b":              "an address is none: http://wh/?mail=a@b and http://wh?to=a@b",
		"behind a port: http://host:80/ postgres://etl:S3cretPw@wh/":                "behind a port: http://host:80/ postgres://etl:[redacted]@wh/",
		"postgres://wh/db?user=etl&password=S3cretPw&sslpassword=S3cretPw&a=b":      "postgres://wh/db?user=etl&password=[redacted]&sslpassword=[redacted]&a=b",
		"host=wh user=etl password=S3cretPw dbname=db":                              "host=wh user=etl password=[redacted] dbname=db",
		"host=wh password = 'S3cret Pw' dbname=db":                                  "host=wh password = [redacted] dbname=db",
		`"dsn": "host=wh password=\"S3cret Pw\" dbname=db"`:                         `"dsn": "host=wh password=[redacted] dbname=db"`,
		"> Authorization: Basic bWU6UzNjcmV0UHc=\r\n> Accept: */*":                  "> Authorization: Basic [redacted]\r\n> Accept: */*",
		"Proxy-authorization: bearer S3cretPw, and so on":                           "Proxy-authorization: bearer [redacted], and so on",
		`{'Authorization': 'Token S3cretPw'} and "AUTHORIZATION":"Bearer S3cretPw"`: `{'Authorization': 'Token [redacted]'} and "AUTHORIZATION":"Bearer [redacted]"`,
		"Authorization: denied for the bearer of this":                              "Authorization: denied for the bearer of this",
		"PGPASSWORD=S3cretPw psql":                                                  "PGPASSWORD=[redacted] psql",
	} {
		if got := executor.MaskPasswords(text); got != want {
			t.Errorf("%q\n became %q\n want   %q", text, got, want)
		}
		if got := executor.MaskPasswords(want); got != want {
			t.Errorf("%q\n became %q the second time", want, got)
		}
	}
}

func TestCleanJSONMasksPasswords(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		`{"url":"postgres://etl:S3cretPw@wh/db"}`,
		`{"url":"postgres:\/\/etl:S3cretPw@wh\/db"}`,
		`{"dsn":["host=wh password=\"S3cretPw\" user=etl"]}`,
		`no JSON postgres://etl:S3cretPw@wh/db`,
	} {
		clean := executor.CleanJSON([]byte(raw))
		if !json.Valid(clean) || strings.Contains(string(clean), "S3cretPw") || !strings.Contains(string(clean), executor.Redacted) {
			t.Errorf("%s became %s", raw, clean)
		}
	}
}

// GBK, Latin 1, half a rune: the bytes can be read afterwards.
func TestCleanTextShowsBytesThatAreNoUTF8(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"\312\247\260\334":     `ʧ\xb0\xdc`, // two bytes of GBK that are UTF-8 by chance
		"h\xf6her":             `h\xf6her`,
		"日本\xe6\x97":           `日本\xe6\x97`,
		"\xed\xa0\x80":         `\xed\xa0\x80`,
		"\uFFFD stays, \x00 ␀": "\uFFFD stays, ␀ ␀",
	} {
		if got := executor.CleanText(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
	if got, want := string(executor.CleanJSON([]byte("{\"a\":\"\\n\xb0\xdc\"}"))), `{"a":"\n\\xb0\\xdc"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
