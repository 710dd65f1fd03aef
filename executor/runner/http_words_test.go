package runner_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"mime/quotedprintable"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/executor/runner"
)

// packed returns text as a compressor writes it.
func packed(text string, pack func(io.Writer) io.WriteCloser) string {
	var b bytes.Buffer
	w := pack(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

func TestHTTPBodiesBecomeUTF8(t *testing.T) {
	t.Parallel()
	toGzip := func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }
	toZlib := func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }
	toFlate := func(w io.Writer) io.WriteCloser { f, _ := flate.NewWriter(w, 9); return f }
	const object = `{"rows": 7, "tag": "höher"}`
	for name, tt := range map[string]struct{ encoding, contentType, body, want, result string }{
		"gzip that nobody asked for":    {"gzip", "application/json", packed(object, toGzip), object, object},
		"x-gzip":                        {"X-GZIP", "application/json", packed(object, toGzip), object, object},
		"gzip that is only said":        {"gzip", "application/json", object, object, object},
		"gzip of nothing":               {"gzip", "application/json", "", "", ""},
		"deflate":                       {"deflate", "application/json", packed(object, toZlib), object, object},
		"deflate without a head":        {"deflate", "application/json", packed(object, toFlate), object, object},
		"GBK":                           {"", "text/plain; charset=gbk", "\312\247\260\334", "失败", ""},
		"GBK in gzip":                   {"gzip", "text/plain; charset=GBK", packed("\312\247\260\334", toGzip), "失败", ""},
		"a result in Latin 1":           {"", "application/json; charset=ISO-8859-1", "{\"tag\": \"h\xf6her\"}", `{"tag": "höher"}`, `{"tag": "höher"}`},
		"Latin 1 that is only said":     {"", "application/json; charset=iso-8859-1", object, object, object},
		"Shift JIS":                     {"", `text/plain; charset="Shift_JIS"`, "\x93\xfa\x96\x7b", "日本", ""},
		"ISO-2022-JP":                   {"", "text/plain; charset=iso-2022-jp", "\x1b$BF|K\\\x1b(B", "日本", ""},
		"UTF-16 by its mark":            {"", "application/json", "\xff\xfe{\x00}\x00", "{}", "{}"},
		"UTF-16 by its name":            {"", "application/json; charset=utf-16le", "{\x00}\x00", "{}", "{}"},
		"what cannot be unpacked":       {"br", "text/plain", "\x0b\x02\x80", "\x0b\x02\x80\n… the answer is packed as br, which is not unpacked …\n", ""},
		"a byte order mark":             {"", "application/json", "\xef\xbb\xbf" + object, object, object},
		"UTF-8 that is damaged":         {"", "text/plain; charset=utf-8", "a\xffb", "a\xffb", ""},
		"a charset that does not exist": {"", "text/plain; charset=klingon", "a\xffb", "a\xffb", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Accept-Encoding") != "" {
					t.Error("a compression was asked for")
				}
				w.Header().Set("Content-Type", tt.contentType)
				if tt.encoding != "" {
					w.Header().Set("Content-Encoding", tt.encoding)
				}
				_, _ = io.WriteString(w, tt.body)
			})
			h := newHTTP(t, runner.HTTPOptions{Origins: []string{s.URL}})
			out, err := h.Run(t.Context(), job(`{"url":"`+s.URL+`"}`))
			if err != nil || out.Output != tt.want || out.OutputBytes > int64(len(tt.want)) || string(out.Value) != tt.result {
				t.Errorf("got %q of %d bytes, result %s, %v; want %q", out.Output, out.OutputBytes, out.Value, err, tt.want)
			}
		})
	}
	t.Run("what unpacks to more than is read is cut", func(t *testing.T) {
		t.Parallel()
		bomb := packed(strings.Repeat("x", 100<<20), toGzip)
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.WriteString(w, bomb)
		})
		h := newHTTP(t, runner.HTTPOptions{Origins: []string{s.URL}})
		out, err := h.Run(t.Context(), job(`{"url":"`+s.URL+`"}`))
		if err != nil || out.OutputBytes != 1<<20 || !strings.Contains(out.Output, "longer than 1,048,576 bytes") {
			t.Errorf("got %d bytes, %v", out.OutputBytes, err)
		}
	})
	t.Run("what is damaged is said to be", func(t *testing.T) {
		t.Parallel()
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.WriteString(w, packed(strings.Repeat("text ", 1000), toGzip)[:12]+"\xff\xff\xff\xff\xff\xff\xff\xff")
		})
		h := newHTTP(t, runner.HTTPOptions{Origins: []string{s.URL}})
		_, err := h.Run(t.Context(), job(`{"url":"`+s.URL+`"}`))
		wantFailure(t, err, "http_error", false, "the body of the answer is damaged")
	})
}

func TestHTTPQueriesAreEscaped(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if to := r.URL.Query().Get("to"); to != "" {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusTemporaryRedirect)
			return
		}
		_, _ = fmt.Fprintf(w, "%s %q", r.RequestURI, r.URL.Query().Get("q"))
	})
	h := newHTTP(t, runner.HTTPOptions{Origins: []string{s.URL}})
	for query, want := range map[string]string{
		"/a b?q=a b":                         `/a%20b?q=a%20b "a b"`,
		"/?q=ü<x>":                           `/?q=%C3%BC%3Cx%3E "ü<x>"`,
		"/?q=a%20b+c":                        `/?q=a%20b+c "a b c"`,
		"/?to=" + url.QueryEscape("/?q=a b"): `/?q=a%20b "a b"`,
	} {
		out, err := h.Run(t.Context(), job(`{"url":"`+s.URL+query+`"}`))
		if err != nil || out.Output != want {
			t.Errorf("%s was sent as %s, %v; want %s", query, out.Output, err, want)
		}
	}
}

func TestHTTPErrorsNameTheHeaderThatExplainsThem(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status        int
		header, value string
		want          string // behind the origin
	}{
		"a login":      {401, "WWW-Authenticate", `Bearer realm="tags"`, `answered 401 Unauthorized (WWW-Authenticate: Bearer realm="tags")`},
		"a scope":      {403, "WWW-Authenticate", `Bearer error="insufficient_scope"`, `answered 403 Forbidden (WWW-Authenticate: Bearer error="insufficient_scope")`},
		"a method":     {405, "Allow", "GET, HEAD", "answered 405 Method Not Allowed (Allow: GET, HEAD)"},
		"a media type": {415, "Accept-Post", "text/csv", "answered 415 Unsupported Media Type (Accept-Post: text/csv)"},
		"an upgrade":   {426, "Upgrade", "TLS/1.3", "answered 426 Upgrade Required (Upgrade: TLS/1.3)"},
		"a wait":       {429, "Retry-After", "7", "answered 429 Too Many Requests (Retry-After: 7)"},
		"a pause":      {503, "Retry-After", "8", "answered 503 Service Unavailable (Retry-After: 8)"},
		"a redirect":   {300, "Location", "https://other.example/services/T0/hush?x", "answered 300 Multiple Choices (Location: https://other.example/…)"},
		"nothing":      {404, "X-Other", "x", "answered 404 Not Found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set(tt.header, tt.value)
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, "the body")
			})
			h := newHTTP(t, runner.HTTPOptions{Origins: []string{s.URL}})
			out, err := h.Run(t.Context(), job(`{"method":"POST","url":"`+s.URL+`/services/T0/B0/hush?key=hush"}`))
			f := wantFailure(t, err, "http_status", tt.status != 429 && tt.status != 503, "POST "+s.URL+" "+tt.want)
			if strings.Contains(f.Message, "hush") || strings.Contains(f.Message, "body") || out.Output != "the body" {
				t.Errorf("error %q, output %q", f.Message, out.Output)
			}
		})
	}
}

// spellings are how a server may write a text that it was sent.
func spellings(text string) map[string]string {
	byRune := func(format string) string {
		var b strings.Builder
		for _, r := range text {
			fmt.Fprintf(&b, format, r)
		}
		return b.String()
	}
	escaped := func(format string) string {
		var b strings.Builder
		for _, c := range []byte(text) {
			fmt.Fprintf(&b, format, c)
		}
		return b.String()
	}
	quoted := func(text string) string { return strings.Trim(fmt.Sprintf("%q", text), `"`) }
	return map[string]string{
		"as it is":               text,
		"JSON with \\/":          strings.ReplaceAll(strings.Trim(fmt.Sprintf("%q", text), `"`), "/", `\/`),
		"JSON with \\u":          byRune(`\u%04x`),
		"JSON with \\u, capital": byRune(`\u%04X`),
		"JSON, in part":          strings.NewReplacer("/", `\u002F`, "+", `\u002b`, "e", `\u0065`).Replace(text),
		"JSON in JSON":           quoted(quoted(text)),
		"JSON in JSON in JSON":   quoted(quoted(quoted(text))),
		"JSON with \\u in JSON":  quoted(byRune(`\u%04x`)),
		"JSON with \\/ in JSON":  quoted(strings.ReplaceAll(quoted(text), "/", `\/`)),
		"percent, twice":         url.QueryEscape(url.QueryEscape(text)),
		"percent, three times":   url.QueryEscape(url.QueryEscape(url.QueryEscape(text))),
		"HTML, twice":            html.EscapeString(html.EscapeString(text)),
		"percent":                url.QueryEscape(text),
		"percent, of all":        escaped("%%%02x"),
		"percent, of a path":     url.PathEscape(text),
		"hex":                    escaped(`\x%02x`),
		"base64":                 base64.StdEncoding.EncodeToString([]byte(text)),
		"HTML":                   strings.ReplaceAll(html.EscapeString(text), "/", "&#x2F;"),
		"base64 of a URL":        base64.RawURLEncoding.EncodeToString([]byte(text)),
		"base64 behind one":      base64.StdEncoding.EncodeToString([]byte("k" + text + ", and more")),
		"base64 behind two":      base64.StdEncoding.EncodeToString([]byte("k=" + text + ", and more")),
		"base64 with \\/":        strings.ReplaceAll(base64.StdEncoding.EncodeToString([]byte(text)), "/", `\/`),
		"hexadecimal":            fmt.Sprintf("%x", text),
		"octal escapes":          octal(text),
		"base64 twice":           base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte(text)))),
		"HEXADECIMAL":            fmt.Sprintf("%X", "Bearer "+text),
		"hexadecimal, cut":       fmt.Sprintf("%x", text)[6:26],
		"quoted-printable":       quotedPrintable(text),
		"all of it =XX":          equals.ReplaceAllString(fmt.Sprintf("%X", text), "=$0"),
		"quoted-printable, cut":  text[:6] + "=\r\n" + text[6:9] + "=\n" + quotedPrintable(text[9:]),
		"its beginning":          text[:10],
		"its end":                text[len(text)-10:],
		"its middle":             text[5:15],
		"its beginning, escaped": strings.ReplaceAll(text[:12], "/", `\/`),
	}
}

var equals = regexp.MustCompile("..")

func octal(text string) (escaped string) {
	for _, b := range []byte(text) {
		escaped += fmt.Sprintf(`\%03o`, b)
	}
	return escaped
}

func quotedPrintable(text string) string {
	var b strings.Builder
	w := quotedprintable.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

// wantNoSecret fails if eight bytes of the secret stand in a text.
func wantNoSecret(t *testing.T, secret, text string) {
	t.Helper()
	for name, spelled := range spellings(secret) {
		for i := 0; i+12 <= len(spelled) && !strings.Contains(name, "behind"); i++ { // twelve characters of base64 are nine bytes
			if strings.Contains(text, spelled[i:i+12]) {
				t.Errorf("%q holds %q", text, spelled[i:i+12])
				return
			}
		}
	}
	for i := 0; i+8 <= len(secret); i++ {
		if strings.Contains(text, secret[i:i+8]) {
			t.Errorf("%q holds %q", text, secret[i:i+8])
			return
		}
	}
}

func TestHTTPSecretsAreRedactedInEverySpelling(t *testing.T) {
	t.Parallel()
	const token = `s3/cr+t"v&e\lüe=/9%Q`
	for name, spelled := range spellings(token) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := "before " + spelled + " after"
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
			h := newHTTP(t, runner.HTTPOptions{Origins: []string{s.URL}, SecretsDir: secrets(t, map[string]string{"key": s.URL + "\nBearer " + token})})
			out, err := h.Run(t.Context(), job(`{"url":"`+s.URL+`","headers":{"Authorization":{"secret":"key"}}}`))
			if err != nil {
				t.Fatal(err)
			}
			wantNoSecret(t, token, out.Output)
			if !strings.HasPrefix(out.Output, "before ") || !strings.HasSuffix(out.Output, " after") || !strings.Contains(out.Output, "[redacted]") {
				t.Errorf("%q became %q", body, out.Output)
			}
		})
	}
	t.Run("what is none stays", func(t *testing.T) {
		t.Parallel()
		const body = `{"Bearer": "Bearer of a tag", "path": "C:\\users\/x%20y+z"}`
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		h := newHTTP(t, runner.HTTPOptions{Origins: []string{s.URL}, SecretsDir: secrets(t, map[string]string{"key": s.URL + "\nBearer " + token})})
		out, err := h.Run(t.Context(), job(`{"url":"`+s.URL+`","headers":{"Authorization":{"secret":"key"}}}`))
		if err != nil || out.Output != body || string(out.Value) != body {
			t.Errorf("got %q, %s, %v", out.Output, out.Value, err)
		}
	})
}

// Answers that Go refuses with an error that quotes them.
func TestHTTPErrorsDoNotQuoteTheServer(t *testing.T) {
	t.Parallel()
	const token = "s3cr3t-t0ken/of+the=service"
	for name, answer := range map[string]string{
		"a status line":       "HTTP/1.1 AAAAAAAAAAAA" + token + "\r\n\r\n",
		"no HTTP":             token + "\r\n\r\n",
		"a long line":         "HTTP/1.1 " + strings.Repeat("A", 190) + token + "\r\n\r\n",
		"a header line":       "HTTP/1.1 200 OK\r\n" + token + "\r\n\r\n",
		"a length":            "HTTP/1.1 200 OK\r\nContent-Length: " + token + "\r\n\r\n",
		"a transfer encoding": "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + token + "\r\n\r\n",
		"a chunk":             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + token + "\r\n",
		"a location":          "HTTP/1.1 302 Found\r\nLocation: http://%zz" + token + "\r\nContent-Length: 0\r\n\r\n",
		"another scheme":      "HTTP/1.1 302 Found\r\nLocation: " + token[:6] + "://" + token + "\r\nContent-Length: 0\r\n\r\n",
		"a realm":             "HTTP/1.1 401 No\r\nWWW-Authenticate: " + strings.Repeat("A", 190) + token + "\r\nContent-Length: 0\r\n\r\n",
		"a reason":            "HTTP/1.1 400 " + token + "\r\nContent-Length: 0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serveRaw(t, says(answer))
			h := newHTTP(t, runner.HTTPOptions{Origins: []string{s.url}, SecretsDir: secrets(t, map[string]string{"key": s.url + "\nBearer " + token})})
			out, err := h.Run(t.Context(), job(`{"url":"`+s.url+`/services/T0/B0/hush?key=hush","headers":{"Authorization":{"secret":"key"}}}`))
			if err == nil {
				t.Fatal("it succeeded")
			}
			for _, text := range []string{err.Error(), out.Output} {
				wantNoSecret(t, token, text)
				if strings.Contains(text, "hush") || strings.Contains(err.Error(), "AAAAAAAAAAAA"+"s3cr") {
					t.Errorf("%q holds the path", text)
				}
			}
		})
	}
}

// After a HEAD that was answered with a body, Go would log the bytes.
func TestHTTPLogsNothingThatAServerSent(t *testing.T) {
	logged := captureLog(t)
	const token = "s3cr3t-t0ken/of+the=service"
	s := serveRaw(t, says("HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n"+token+"\r\n\r\n"))
	h := newHTTP(t, runner.HTTPOptions{Origins: []string{s.url}, SecretsDir: secrets(t, map[string]string{"key": s.url + "\nBearer " + token})})
	for range 20 {
		if _, err := h.Run(t.Context(), job(`{"method":"HEAD","url":"`+s.url+`","headers":{"Authorization":{"secret":"key"}}}`)); err != nil {
			t.Fatal(err)
		}
	}
	h.Close()
	if text := logged(); text != "" {
		t.Errorf("logged: %s", text)
	}
}
