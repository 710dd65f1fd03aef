package sql

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tagexec/tagexec/executor/runner/words"
)

const (
	connectTimeout = "connect_timeout"
	settingNAME    = "set.NAME" // stands for all settings where parameters are listed
)

// connectTime is how long connecting may take, unless connect_timeout says otherwise.
const connectTime = 10 * time.Second

// settingName is how engines call their settings, some behind the name of a catalog.
var settingName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)

// encode is what to do where a name holds what ends it.
const encode = "write special characters of user, password and parameters as %40 for @, %3A for :, %2F for /, %3F for ?, %23 for #, %25 for %"

// split takes the parameters from a URL.
func split(text string) (*url.URL, url.Values, error) {
	parsed, err := url.Parse(strings.TrimSpace(text)) // a file of secrets ends with a line break
	switch {
	case err != nil:
		return nil, nil, errors.New("the URL cannot be read: its port is a number; " + encode)
	case strings.Contains(text, "#"):
		return nil, nil, errors.New("the URL holds a #: write it as %23")
	}
	values, err := url.ParseQuery(parsed.RawQuery)
	if err != nil {
		return nil, nil, errors.New("the URL has parameters that cannot be read: write special characters as %26 for &, %25 for %")
	}
	return parsed, values, nil
}

// newURL is a URL of which only the scheme and the path are known.
func newURL(scheme, path string) URL {
	u := URL{Scheme: scheme, Parameters: map[string]string{}, Settings: map[string]string{}, ConnectTimeout: connectTime}
	for part := range strings.SplitSeq(path, "/") {
		if part != "" {
			u.Path = append(u.Path, part)
		}
	}
	return u
}

// read reads the parameters.
func (u *URL) read(values url.Values, known []string) error {
	for name, list := range values {
		setting, isSetting := strings.CutPrefix(name, "set.")
		switch {
		case isSetting && !settingName.MatchString(setting):
			return fmt.Errorf("the URL sets %s, which is no name of a setting", words.Quote(name))
		case !isSetting && !slices.Contains(known, name):
			return fmt.Errorf("the URL sets %s, which is not known here; these are: %s", words.Quote(name), strings.Join(known, ", "))
		case len(list) > 1:
			return fmt.Errorf("the URL sets %s twice", name)
		}
		switch value := list[0]; {
		case isSetting:
			u.Settings[setting] = value
		case name == connectTimeout:
			seconds, err := strconv.Atoi(value)
			if err != nil || seconds < 1 || seconds > 600 {
				return errors.New("the URL sets connect_timeout to what is no number of seconds from 1 to 600")
			}
			u.ConnectTimeout = time.Duration(seconds) * time.Second
		default:
			u.Parameters[name] = value
		}
	}
	return nil
}
