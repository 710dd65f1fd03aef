package config

import (
	"fmt"
	"regexp"
	"strings"
)

// Sources are the databases for SQL jobs, by name.
type Sources map[string]string

var pair = regexp.MustCompile(`^([A-Za-z0-9_.-]+)=(\S+)$`)

// nextPair finds a comma that separates pairs, not one within a URL with several hosts.
var nextPair = regexp.MustCompile(`,([A-Za-z0-9_.-]+=['"]?[A-Za-z][A-Za-z0-9+.:-]*://)`)

// Decode reads name=url pairs. Its errors quote no value: there are passwords in it.
func (s *Sources) Decode(value string) error {
	*s = Sources{}
	for i, field := range strings.Fields(nextPair.ReplaceAllString(value, " $1")) {
		m := pair.FindStringSubmatch(strings.Trim(field, ","))
		if m == nil {
			return fmt.Errorf("pair %d is not of the form name=url, without quotation marks and blanks (a blank in a URL is %%20)", i+1)
		}
		if _, twice := (*s)[m[1]]; twice {
			return fmt.Errorf("the name %q is given twice", m[1])
		}
		(*s)[m[1]] = m[2]
	}
	return nil
}
