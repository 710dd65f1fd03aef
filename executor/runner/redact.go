package runner

import (
	"bytes"
	"encoding/base64"
	hexadecimal "encoding/hex"
	"html"
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/tagexec/tagexec/executor"
)

const (
	// shortest is the length from which on a part of a secret that has a meaning,
	// such as the password in Basic, is a secret, in bytes: shorter ones are in
	// every text.
	shortest = 4
	// shred is the length from which on any bytes of a secret are one, wherever
	// they stand: who cuts a secret leaves such a shred.
	shred = 8
)

// redactor removes secrets from whatever is stored or shown: also where they are
// spelled in escapes (JSON's \/ and \u, percent, HTML's &amp;, quoted-printable), in
// base64, also twice, or in hexadecimal digits, and where only a shred is left of them.
type redactor struct {
	forms  []form
	begins map[byte][]begin // where in the forms a byte stands
}

// form is a text to be removed.
type form struct {
	text string
	open int // how many of its first bytes are no secret: "Bearer ", a user

	verbatim bool // it is an encoding that nobody escapes
}

// begin is a place in a form from which on a text may be equal to it.
type begin struct{ form, at int }

// add makes r remove a value, alone and behind its authentication scheme.
func (r *redactor) add(value string) {
	for _, f := range append([]form{{text: value, open: schemeLength(value)}}, partsOf(value)...) {
		r.addForm(f)
		for _, text := range inBase64(f.text) {
			r.addForm(form{text: text})
		}
		again := base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte(f.text))))
		r.addForm(form{text: again, verbatim: true})
		digits := hexadecimal.EncodeToString([]byte(f.text))
		r.addForm(form{digits, 2 * f.open, true})
		r.addForm(form{strings.ToUpper(digits), 2 * f.open, true})
	}
}

func (r *redactor) addForm(f form) {
	if f.text == "" || slices.ContainsFunc(r.forms, func(known form) bool { return known.text == f.text }) {
		return
	}
	if r.begins == nil {
		r.begins = map[byte][]begin{}
	}
	r.forms = append(r.forms, f)
	for at := range len(f.text) {
		if at == 0 || at >= f.open && len(f.text)-at >= shred {
			r.begins[f.text[at]] = append(r.begins[f.text[at]], begin{len(r.forms) - 1, at})
		}
	}
}

// schemeLength returns the length of an authentication scheme and the space
// behind it, 0 if the value has none.
func schemeLength(value string) int {
	scheme, token, found := strings.Cut(value, " ")
	if !found || token == "" {
		return 0
	}
	return len(scheme) + 1
}

// partsOf returns the token behind an authentication scheme and, where that is
// Basic, what it encodes and the password in it.
func partsOf(value string) []form {
	scheme, token, _ := strings.Cut(value, " ")
	parts := []form{{text: token}}
	if plain, err := base64.StdEncoding.DecodeString(token); err == nil && strings.EqualFold(scheme, "Basic") {
		user, password, _ := strings.Cut(string(plain), ":")
		parts = append(parts, form{text: string(plain), open: len(user) + 1}, form{text: password})
	}
	return slices.DeleteFunc(parts, func(f form) bool { return len(f.text) < shortest })
}

// inBase64 returns the spellings of a value in base64: alone, and as they stand
// within a longer text, where it begins at the second or third byte of a group.
func inBase64(value string) []string {
	var spellings []string
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		spellings = append(spellings, e.EncodeToString([]byte(value)), e.WithPadding(base64.NoPadding).EncodeToString([]byte(value)))
		for before, shared := range map[int]int{1: 2, 2: 3} { // characters that also hold bits of what stands before
			within := e.EncodeToString(append(make([]byte, before), value...))
			whole := (before + len(value)) * 8 / 6 // what follows has no bits in these
			if shared < whole {
				spellings = append(spellings, within[shared:whole])
			}
		}
	}
	return spellings
}

func (r *redactor) text(s string) string { return string(r.bytes([]byte(s))) }

func (r *redactor) bytes(b []byte) []byte { return r.remove(b, false) }

// cutText redacts a text whose end was cut off, perhaps within a secret.
func (r *redactor) cutText(b []byte) []byte { return r.remove(b, true) }

func (r *redactor) remove(text []byte, cut bool) []byte {
	var out []byte
	kept := 0
	for at := 0; at < len(text); {
		n, _ := r.secretAt(text[at:], cut)
		if n == 0 {
			at++
			continue
		}
		out = append(append(out, text[kept:at]...), executor.Redacted...)
		at += n
		kept = at
	}
	if kept == 0 {
		return text
	}
	return append(out, text[kept:]...)
}

// settled returns how much of a text can be redacted by itself, whatever follows it:
// up to the first place where a secret may begin whose rest is not there yet.
func (r *redactor) settled(text []byte) int {
	for at := 0; at < len(text); {
		n, open := r.secretAt(text[at:], false)
		if open {
			return at
		}
		at += max(n, 1)
	}
	return len(text)
}

// redacted is an output without secrets, as executor.ShowOutput takes it.
type redacted struct {
	output *Capture
	secret *redactor
}

func (r redacted) From(offset int64) (text []byte, next int64) {
	return r.output.redactedFrom(offset, r.secret)
}

// secretAt returns the length of the longest secret that text begins with, as it
// is spelled there, and whether it may go on behind the end of text.
func (r *redactor) secretAt(text []byte, cut bool) (longest int, open bool) {
	if len(r.forms) == 0 {
		return 0, false
	}
	open = begunEscape(text)
	try := func(first byte) {
		for _, b := range r.begins[first] {
			f := r.forms[b.form]
			if f.verbatim && text[0] != first {
				continue
			}
			for _, o := range []order{plainFirst, escapeFirst, nestedFirst} {
				length, equal := f.spelled(text, b.at, o)
				open = open || b.at+equal < len(f.text) && (length == len(text) || !f.verbatim && begunEscape(text[length:]))
				secret := b.at + equal - max(b.at, f.open)
				if equal == len(f.text) || secret >= shred || cut && length == len(text) && secret >= shortest {
					longest = max(longest, length)
				}
				if f.verbatim || !slices.ContainsFunc(text[:min(length+1, len(text))], beginsEscape) {
					break // there is one reading only
				}
			}
		}
	}
	try(text[0])
	if !beginsEscape(text[0]) {
		return longest, open
	}
	for plain := range readings(text) {
		if plain != "" && plain[0] != text[0] {
			try(plain[0])
		}
	}
	return longest, open
}

// spelled returns how many bytes of text spell how many bytes of f from at on.
func (f form) spelled(text []byte, at int, o order) (length, equal int) {
	if !f.verbatim {
		return spells(text, f.text[at:], o)
	}
	for equal < len(text) && at+equal < len(f.text) && text[equal] == f.text[at+equal] {
		equal++
	}
	return equal, equal
}

// order says which reading of a character is tried first: a backslash or a percent
// sign may stand for itself, begin an escape, or begin the escape of an escape.
type order int

const (
	plainFirst order = iota
	escapeFirst
	nestedFirst
)

// spells returns how many bytes of text spell how many bytes of the secret.
func spells(text []byte, secret string, o order) (length, equal int) {
	for length < len(text) && equal < len(secret) {
		plain, n := "", 0
		if o != plainFirst || text[length] != secret[equal] {
			plain, n = unescapeFor(text[length:], secret[equal:], o == nestedFirst)
		}
		switch {
		case n > 0:
			length, equal = length+n, equal+len(plain)
		case text[length] == secret[equal]:
			length, equal = length+1, equal+1
		default:
			return length, equal
		}
	}
	return length, equal
}

func beginsEscape(b byte) bool { return b == '\\' || b == '%' || b == '&' || b == '+' || b == '=' }

// begunEscape reports whether a text may be the first bytes of an escape.
func begunEscape(text []byte) bool {
	return len(text) > 0 && beginsEscape(text[0]) && text[0] != '+' && len(text) < 1+deepest+longestEscape &&
		(!bytes.ContainsAny(text, " \t\r\n;") || string(text) == "=\r")
}

// deepest is how many characters more an escape within escapes may have: fifteen
// backslashes are four texts of JSON within one another.
const deepest = 15

// readings yields what the escape may mean that text begins with, and its length:
// as it is, and as an escape that was escaped again, perhaps several times, as
// where a text of JSON quotes one.
func readings(text []byte) iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		if plain, n := unescape(text); n > 0 && !yield(plain, n) {
			return
		}
		again := escaped(text[0])
		for more := 0; again != "" && more < deepest && bytes.HasPrefix(text[1+more:], []byte(again)); {
			more += len(again)
			if again == `\` && !yield(`\`, 1+more) {
				return
			}
			inner := append([]byte{text[0]}, text[1+more:min(len(text), more+longestEscape)]...)
			if plain, n := unescape(inner); n > 0 && !yield(plain, more+n) {
				return
			}
		}
	}
}

// escaped returns what follows where the first character of an escape is escaped
// itself: \\, %25, &amp;. It is "" for a character that is not.
func escaped(first byte) string {
	switch first {
	case '\\':
		return `\`
	case '%':
		return "25"
	case '&':
		return "amp;"
	}
	return ""
}

// unescapeFor returns what the escape means that text begins with, and its
// length, if the secret begins with that: by the first reading for which it does,
// or by the last.
func unescapeFor(text []byte, secret string, last bool) (plain string, length int) {
	if !beginsEscape(text[0]) {
		return "", 0
	}
	for meant, n := range readings(text) {
		if strings.HasPrefix(secret, meant) {
			plain, length = meant, n
			if !last {
				break
			}
		}
	}
	return plain, length
}

// longestEscape is the length of a surrogate pair in \u escapes, in bytes.
const longestEscape = 12

// unescape returns what the escape means that text begins with, and its length;
// 0 where text begins with none.
func unescape(text []byte) (plain string, length int) {
	switch {
	case text[0] == '+':
		return " ", 1
	case text[0] == '&':
		return unescapeHTML(text)
	case text[0] == '=' && bytes.HasPrefix(text, []byte("=\n")): // of quoted-printable: the line goes on
		return "", 2
	case text[0] == '=' && bytes.HasPrefix(text, []byte("=\r\n")):
		return "", 3
	case (text[0] == '%' || text[0] == '=') && len(text) >= 3:
		if b, ok := hex(text[1:3]); ok {
			return string([]byte{byte(b)}), 3
		}
	case text[0] != '\\' || len(text) < 2:
	case text[1] == 'u' && len(text) >= 6:
		return unescapeUnicode(text)
	case text[1] == 'x' && len(text) >= 4:
		if b, ok := hex(text[2:4]); ok {
			return string([]byte{byte(b)}), 4
		}
	case len(text) >= 4 && text[1] >= '0' && text[1] <= '3':
		if n, err := strconv.ParseUint(string(text[1:4]), 8, 8); err == nil {
			return string([]byte{byte(n)}), 4
		}
	case bytes.IndexByte([]byte(`\/"'`), text[1]) >= 0:
		return string(text[1:2]), 2
	}
	return "", 0
}

func unescapeUnicode(text []byte) (plain string, length int) {
	first, ok := hex(text[2:6])
	if !ok {
		return "", 0
	}
	if utf16.IsSurrogate(first) && len(text) >= 12 && text[6] == '\\' && text[7] == 'u' {
		second, _ := hex(text[8:12])
		return string(utf16.DecodeRune(first, second)), 12
	}
	return string(first), 6
}

func unescapeHTML(text []byte) (plain string, length int) {
	const longest = len("&#x10ffff;")
	end := bytes.IndexByte(text[:min(longest, len(text))], ';') + 1
	entity := string(text[:end])
	if plain = html.UnescapeString(entity); plain == entity {
		return "", 0
	}
	return plain, end
}

func hex(digits []byte) (rune, bool) {
	n, err := strconv.ParseUint(string(digits), 16, 16)
	return rune(n), err == nil
}
