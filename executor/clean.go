package executor

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of what is stored for one attempt, in bytes.
const (
	maxError   = 2 << 10
	maxCode    = 100
	maxQueryID = 200
	maxOutput  = 68 << 10 // head and tail of 32 kB each, and the mark between them
	maxValue   = 256 << 10
)

// cleanText makes any bytes storable in a text column: valid UTF-8, with NUL,
// which Postgres refuses, shown as its symbol. A byte that is no UTF-8 is shown as
// \xNN, so that text in another encoding can be told from noise, and read.
func cleanText(s string) string {
	return strings.ReplaceAll(spellInvalid(s, `\x`), "\x00", "\u2400")
}

// storedText makes a text that a job or a server wrote fit to be stored and shown.
func storedText(s string) string { return MaskPasswords(cleanText(s)) }

// spellInvalid replaces each byte that is no UTF-8 by the prefix and two hex
// digits.
func spellInvalid(s, prefix string) string {
	if utf8.ValidString(s) {
		return s
	}
	const digits = "0123456789abcdef"
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			b.WriteString(prefix)
			b.WriteByte(digits[s[0]>>4])
			b.WriteByte(digits[s[0]&15])
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// cutEnd shortens s to at most limit bytes, marked where it was cut.
func cutEnd(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	const mark = "…"
	return s[:runeStart(s, limit-len(mark))] + mark
}

// cutMiddle shortens s to at most limit bytes, keeping its head and its tail.
// The limit must leave room for the mark between them.
func cutMiddle(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	const room = 64 // for the mark, and for a rune that is cut
	half := (limit - room) / 2
	head, tail := runeStart(s, half), runeStart(s, len(s)-half)
	return fmt.Sprintf("%s\n… %d bytes left out …\n%s", s[:head], tail-head, s[tail:])
}

// runeStart returns the largest index not above at where a rune starts.
func runeStart(s string, at int) int {
	for at > 0 && !utf8.RuneStart(s[at]) {
		at--
	}
	return at
}

// Bounds of what jsonb holds in one value; its own are 131,072 digits and what
// fits on the server's stack.
const (
	maxDepth    = 500
	maxNumber   = 300 // characters
	maxExponent = 300
)

// cleanJSON makes any bytes storable in a jsonb column. What is no JSON
// becomes a JSON string, and so does a number or a nesting that jsonb may not
// hold; what is too long is replaced by its length. Passwords in its strings are
// masked.
func cleanJSON(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return nil
	}
	clean := raw
	if valid := json.Valid(raw); !valid || !plain(raw) || mayHoldPassword(string(raw)) {
		var value any = string(raw)
		if valid {
			decoder := json.NewDecoder(strings.NewReader(spellInvalid(string(raw), `\\x`)))
			decoder.UseNumber()
			if err := decoder.Decode(&value); err != nil {
				value = string(raw)
			}
		}
		clean = encode(cleanValue(value, maxDepth))
	}
	if max(len(raw), len(clean)) > maxValue {
		return fmt.Appendf(nil, `{"left_out_bytes": %d}`, len(raw))
	}
	return clean
}

// plain reports whether jsonb surely holds this valid JSON as it is: no escape
// that may name NUL or half a surrogate pair, nothing nested too deeply, no
// number too large or too long.
func plain(raw []byte) bool {
	if !utf8.Valid(raw) || bytes.Contains(raw, []byte(`\u`)) {
		return false
	}
	depth, number, text := 0, 0, false
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
		case text:
		case c == '[' || c == '{':
			if depth++; depth > maxDepth {
				return false
			}
		case c == ']' || c == '}':
			depth--
		case c >= '0' && c <= '9':
			if number++; number > maxNumber {
				return false
			}
			continue
		case (c == 'e' || c == 'E') && number > 0:
			return false // rare: decode it
		}
		number = 0
	}
	return true
}

// encode returns value as JSON.
func encode(value any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return []byte("null")
	}
	return bytes.TrimSpace(out.Bytes())
}

// cleanValue cleans every string of a decoded JSON value. What is nested
// deeper than depth, and numbers out of bounds, become strings.
func cleanValue(value any, depth int) any {
	switch v := value.(type) {
	case string:
		return storedText(v)
	case json.Number:
		if !storable(v.String()) {
			return v.String()
		}
	case []any:
		if depth == 0 {
			return storedText(string(encode(v)))
		}
		for i := range v {
			v[i] = cleanValue(v[i], depth-1)
		}
	case map[string]any:
		if depth == 0 {
			return storedText(string(encode(v)))
		}
		clean := make(map[string]any, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) { // sorted: of keys that become equal the last stays
			clean[cleanText(key)] = cleanValue(v[key], depth-1)
		}
		return clean
	}
	return value
}

// storable reports whether a number is within bounds.
func storable(number string) bool {
	if len(number) > maxNumber {
		return false
	}
	at := strings.IndexAny(number, "eE")
	if at < 0 {
		return true
	}
	exponent, err := strconv.Atoi(number[at+1:])
	return err == nil && exponent >= -maxExponent && exponent <= maxExponent
}
