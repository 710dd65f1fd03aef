package postgres

import (
	"net/url"
	"os"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// form is how a URL looks, for messages.
const form = "postgres://user:password@host:5432/name"

// URLError says what is wrong with a URL. It holds no part of the URL but names
// of parameters and files.
type URLError struct{ message string }

func (e *URLError) Error() string { return "the URL " + e.message }

func refuse(message string) error { return &URLError{message} }

// parameters are those of a URL's query.
type parameters map[string]string

// encode is what to do where a user or a password holds what ends it.
const encode = "in a user or a password write @ as %40, : as %3A, / as %2F, ? as %3F and % as %25"

// read looks at the text of a URL and returns its parameters. Everything here
// that the driver would take for something else, and show as a host or a
// database, is most likely a piece of a password.
func read(text string) (parameters, error) {
	scheme, rest, isURL := strings.Cut(text, "://")
	switch {
	case text == "":
		return nil, refuse("is empty: must look like " + form)
	case isQuote(first(text)) || isQuote(last(text)):
		return nil, refuse("stands in quotation marks, which an env file keeps: write it without")
	case strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsGraphic(r) }):
		return nil, refuse("holds a line break or a character that nobody sees, such as a byte order mark")
	case !isURL && strings.Contains(text, "="):
		return nil, refuse("is no URL: instead of host=… user=… write " + form)
	case !isURL:
		return nil, refuse("is no Postgres URL: must look like " + form)
	case strings.Contains(scheme, "+"):
		return nil, refuse("names a driver after a +, which only SQLAlchemy knows: must look like " + form)
	case scheme != "postgres" && scheme != "postgresql":
		return nil, refuse("is no Postgres URL: it does not begin with postgres:// or postgresql://, but must look like " + form)
	case strings.ContainsFunc(text, unicode.IsSpace):
		return nil, refuse("holds a blank: write it as %20")
	case !escaped(text):
		return nil, refuse("has a % without the two hexadecimal digits of a character after it: " + encode)
	}
	// As libpq does, the driver takes the first @ for the end of the login if no / is before it.
	user, hosts := "", rest
	if end := strings.IndexAny(rest, "@/"); end >= 0 && rest[end] == '@' {
		if strings.Contains(rest[:end], "?") {
			return nil, refuse("has a ? before an @: " + encode)
		}
		user, _, _ = strings.Cut(rest[:end], ":")
		hosts = rest[end+1:]
	}
	hosts, query, _ := strings.Cut(hosts, "?")
	if strings.ContainsAny(user+hosts, "&;=") {
		return nil, refuse("has parameters that no ? comes before: must look like " + form + "?name=value&name=value; in a name write & as %26, ; as %3B and = as %3D")
	}
	if strings.Contains(hosts, "@") {
		return nil, refuse("has an @ too many: " + encode)
	}
	hosts, _, _ = strings.Cut(hosts, "/")
	for host := range strings.SplitSeq(hosts, ",") {
		if strings.Count(host, ":") > 1 && strings.Trim(host, "0123456789abcdefABCDEF:.") == "" {
			return nil, refuse("has an IPv6 address without brackets: write [::1] or [::1]:5432")
		}
		if !isHost(host) {
			return nil, refuse("has a host or a port that is none: " + encode)
		}
	}
	return readQuery(query)
}

func first(text string) rune { r, _ := utf8.DecodeRuneInString(text); return r }

func last(text string) rune { r, _ := utf8.DecodeLastRuneInString(text); return r }

// isQuote reports whether people put r around a text.
func isQuote(r rune) bool { return strings.ContainsRune("'\"`“”„‘’‚«»<>", r) }

// escaped reports whether two hexadecimal digits follow each %, not those of NUL.
func escaped(text string) bool {
	decoded, err := url.PathUnescape(text)
	return err == nil && !strings.Contains(decoded, "\x00")
}

// isHost reports whether text is a host, perhaps with a port, both of which may
// be left out.
func isHost(text string) bool {
	if address, isIPv6 := strings.CutPrefix(text, "["); isIPv6 {
		_, after, closed := strings.Cut(address, "]")
		port, hasPort := strings.CutPrefix(after, ":")
		return closed && (after == "" || hasPort && isPort(port))
	}
	_, port, _ := strings.Cut(text, ":")
	return isPort(port)
}

func isPort(text string) bool {
	return strings.Trim(text, "0123456789") == ""
}

func readQuery(query string) (parameters, error) {
	found := parameters{}
	for pair := range strings.SplitSeq(strings.TrimSuffix(query, "&"), "&") {
		if query == "" {
			break
		}
		name, value, hasValue := strings.Cut(pair, "=")
		if !hasValue || strings.Contains(value, "=") {
			return nil, refuse("has a parameter that is not of the form name=value: in a value write & as %26 and = as %3D")
		}
		name, _ = url.PathUnescape(name) // escaped has seen them
		value, _ = url.PathUnescape(value)
		found[name] = value
	}
	return found, nil
}

// environment names the variables that add to a URL and are set.
func environment() string {
	var set []string
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "PG") && value != "" && slices.Contains(libpqVariables, name) {
			set = append(set, name)
		}
	}
	slices.Sort(set)
	return strings.Join(set, ", ")
}

var libpqVariables = strings.Fields(`PGHOST PGPORT PGDATABASE PGUSER PGPASSWORD PGPASSFILE PGSERVICE PGSERVICEFILE PGSSLMODE PGSSLCERT PGSSLKEY
	PGSSLCERTMODE PGSSLSNI PGSSLROOTCERT PGSSLPASSWORD PGSSLNEGOTIATION PGOPTIONS PGAPPNAME PGCONNECT_TIMEOUT PGTARGETSESSIONATTRS PGTZ
	PGMINPROTOCOLVERSION PGMAXPROTOCOLVERSION PGCHANNELBINDING PGREQUIREAUTH`)
