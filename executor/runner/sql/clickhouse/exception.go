package clickhouse

import (
	"regexp"
	"slices"
	"strconv"
)

// exception is an error that the server told.
type exception struct {
	number int
	text   string // all that it said, for the output of the job only: it may quote the statement and data
}

func (e *exception) Error() string { return e.code() + ": " + e.words() }

// code is what the server calls it.
func (e *exception) code() string { return strconv.Itoa(e.number) }

var (
	// told is how all versions begin: Code: 62, e.displayText() = DB::Exception: …, or
	// Code: 62. DB::Exception: ….
	told = regexp.MustCompile(`Code: (\d{1,9})[.,][^\n]*DB::`)
	// late is told where an answer ended by an error: at the start of a line, which no
	// value of the format holds, or as a member of its own.
	late = regexp.MustCompile(`(?m)^(?:\t"exception": ")?` + told.String())
)

// findException finds an error in an answer that is none; nil if there is none.
func findException(text string) *exception { return find(told, text) }

// findLate finds an error in the end of an answer.
func findLate(text string) *exception { return find(late, text) }

func find(pattern *regexp.Regexp, text string) *exception {
	at := pattern.FindStringSubmatchIndex(text)
	if at == nil {
		return nil
	}
	number, err := strconv.Atoi(text[at[2]:at[3]])
	if err != nil {
		return nil
	}
	return &exception{number: number, text: text[at[0]:]}
}

// neverPass are the codes of statements that fail every time: their text is wrong, or
// names what is not there. A missing right, errors in the data, and everything about
// memory, time, locks and connections may pass another time.
var neverPass = []int{
	16, 36, 42, 43, 46, 47, 48, 57, 60, 62, 63, 81,
	184, 215, // aggregates in the wrong place
	456, 457, // parameters without a value, and with a wrong one
}

func (e *exception) permanent() bool { return slices.Contains(neverPass, e.number) }

// Codes that need a look of their own.
const (
	unknownParameter = 456
	wrongParameter   = 457
	wasKilled        = 394
	boundedSetting   = 452 // a profile says between which values a setting must be
	tooMany          = 202
)

// name is how newer versions end: (UNKNOWN_TABLE) (version 24.8.1).
var name = regexp.MustCompile(`\(([A-Z][A-Z0-9_]+)\)(?: \(version [^)]*\))?\s*"?\s*}?\s*$`)

// about returns a pattern of the name behind a word, whole, in quotation marks or not.
func about(word string) *regexp.Regexp {
	return regexp.MustCompile("(?i)" + word + " [`'\"]?([\\w.]*\\w)(?:[`'\",;. ]|$)")
}

// subject finds what an error is about where its code says that this is a name: what else
// is quoted may be the statement or data.
var subject = map[int]*regexp.Regexp{
	16: about("column"), 46: about("function(?: with name)?"), 47: about("(?:identifier:?|columns:)"), 57: about("table"),
	60: about("table(?: expression identifier)?"), 63: about("function"), 81: about("database"),
	unknownParameter: about("(?:substitution|parameter)"), wrongParameter: about("parameter"),
}

// meanings are the words of codes that jobs meet often.
var meanings = map[int]string{
	6: "a text cannot be read as the type it should have", 16: "no such column", 27: "data cannot be read in its format",
	36: "a function or setting was given what it does not take", 38: "a text is no date", 42: "wrong number of arguments to a function",
	43: "argument of a wrong type to a function", 46: "unknown function", 47: "unknown column", 48: "not supported by this server",
	53: "types do not match", 57: "the table is there already", 60: "unknown table", 62: "syntax error",
	63: "unknown aggregate function", 70: "a value cannot be converted", 81: "unknown database", 153: "division by zero",
	159: "max_execution_time is over", 160: "the server expects the statement to take too long", 184: "aggregate function in the wrong place",
	192: "the login was refused", 193: "the login was refused", 194: "the login was refused", 516: "the login was refused",
	tooMany: "the server runs as many statements as it may", 209: "a connection of the server timed out", 210: "the server has no connection to another one",
	215: "a column stands neither in an aggregate nor in GROUP BY", 216: "an earlier attempt still runs", 241: "memory limit reached",
	242: "the table can only be read now", 252: "too many parts", 291: "the login may not use the database", 319: "it is unknown whether the insert was stored",
	373: "the session is in use", wasKilled: "the statement was killed", 497: "a right is missing",
	unknownParameter: "params holds no value for", wrongParameter: "params holds a value of a wrong type for",
}

// words says what is wrong, in our words: the server's hold the statement and data. The
// name is what newer versions call it.
func (e *exception) words() string {
	text := meanings[e.number]
	if text == "" {
		text = "the server refused it"
		if found := name.FindStringSubmatch(e.text); found != nil {
			text += ": " + found[1]
		}
	}
	if pattern := subject[e.number]; pattern != nil {
		if found := pattern.FindStringSubmatch(e.text); found != nil {
			text += " " + found[1]
		}
	}
	return text
}

// position is where a syntax error is, in bytes of the text that was sent, from 1.
var position = regexp.MustCompile(`failed at position (\d{1,9})`)

// place is where in a text of the job a syntax error is, " at line 1, column 8", or "".
// before is how much of what was sent stands before the text.
func (e *exception) place(text string, before int) string {
	found := position.FindStringSubmatch(e.text)
	if e.number != 62 || found == nil {
		return ""
	}
	at, _ := strconv.Atoi(found[1])
	at -= before + 1
	if at < 0 || at > len(text) {
		return ""
	}
	line, column := 1, 1
	for _, r := range text[:at] {
		if column++; r == '\n' {
			line, column = line+1, 1
		}
	}
	return " at line " + strconv.Itoa(line) + ", column " + strconv.Itoa(column)
}
