package config

import "strings"

// List is a variable with several values, separated by commas.
type List []string

// Decode reads the values. Blanks around them, and commas too many, mean
// nothing: people write lists that way.
func (l *List) Decode(value string) error {
	*l = nil
	for item := range strings.SplitSeq(value, ",") {
		if item = strings.TrimSpace(item); item != "" {
			*l = append(*l, item)
		}
	}
	return nil
}
