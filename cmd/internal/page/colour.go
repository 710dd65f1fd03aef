package page

import (
	"bytes"
	"encoding/json"
	"html/template"
	"regexp"
	"strings"
)

// colourMost is how long a text may be that is coloured; a longer one is shown plain.
const colourMost = 64 << 10

// What is coloured in JSON and in SQL, each kind in a group of its own. Regular
// expressions of Go take time in proportion to the text, whoever wrote it.
var (
	jsonParts = regexp.MustCompile(`("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d[\d.eE+-]*)|\b(true|false|null)\b`)
	sqlParts  = regexp.MustCompile(`(?is)(--[^\n]*|/\*.*?(?:\*/|$))|('(?:[^']|'')*'?|\$[a-z_]*\$.*?\$[a-z_]*\$)|"(?:[^"]|"")*"?|[a-z_][a-z_0-9$]*|(\b\d[\d.]*)`)
)

// keywords of SQL that are worth a colour.
var keywords = func() map[string]bool {
	list := map[string]bool{}
	for word := range strings.FieldsSeq(`select from where and or not in is null as on join left right full inner outer cross lateral using
		group by having order asc desc limit offset union all distinct insert into values update set delete create table temp temporary view
		index drop alter add column if exists with recursive case when then else end between like ilike any some returning begin commit
		rollback truncate merge matched do nothing conflict over partition filter within cast true false call copy analyze vacuum grant revoke
		materialized primary key references default constraint interval date timestamp timestamptz array`) {
		list[word] = true
	}
	return list
}()

// jsonText shows JSON with lines of its own, coloured. Its numbers stay as they are stored.
func jsonText(value json.RawMessage) template.HTML {
	var b bytes.Buffer
	if json.Indent(&b, value, "", "  ") != nil {
		b.Reset()
		b.Write(value)
	}
	return coloured(b.String(), jsonParts, func(text string, group []string) string {
		switch {
		case group[1] != "" && group[2] != "":
			return "key"
		case group[1] != "":
			return "string"
		case group[3] != "":
			return "number"
		}
		return "word"
	})
}

// sqlText shows SQL, coloured.
func sqlText(text string) template.HTML {
	return coloured(text, sqlParts, func(text string, group []string) string {
		switch {
		case group[1] != "":
			return "comment"
		case group[2] != "":
			return "string"
		case group[3] != "":
			return "number"
		case keywords[strings.ToLower(text)]:
			return "word"
		}
		return ""
	})
}

// coloured marks what matches with a class.
func coloured(text string, parts *regexp.Regexp, class func(text string, group []string) string) template.HTML {
	if len(text) > colourMost {
		return template.HTML(template.HTMLEscapeString(text))
	}
	var b strings.Builder
	end := 0
	for _, at := range parts.FindAllStringSubmatchIndex(text, -1) {
		group := make([]string, len(at)/2)
		for i := range group {
			if at[2*i] >= 0 {
				group[i] = text[at[2*i]:at[2*i+1]]
			}
		}
		b.WriteString(template.HTMLEscapeString(text[end:at[0]]))
		end = at[1]
		name := class(group[0], group)
		if name == "" {
			b.WriteString(template.HTMLEscapeString(group[0]))
			continue
		}
		b.WriteString(`<span class="c-` + name + `">` + template.HTMLEscapeString(group[0]) + `</span>`)
	}
	b.WriteString(template.HTMLEscapeString(text[end:]))
	return template.HTML(b.String())
}
