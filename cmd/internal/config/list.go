package config

import (
	"errors"
	"strings"
)

// List is a variable with several values, separated by commas.
type List []string

// Decode reads the values. Blanks around them, and commas too many, mean
// nothing: people write lists that way. A list with nothing but those is an error:
// what filled it in found nothing, and an empty list often means all.
func (l *List) Decode(value string) error {
	*l = nil
	for item := range strings.SplitSeq(value, ",") {
		if item = strings.TrimSpace(item); item != "" {
			*l = append(*l, item)
		}
	}
	if *l == nil {
		return errors.New("names nothing; leave it empty if that is meant")
	}
	return nil
}
