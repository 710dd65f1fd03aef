package cli

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// Duration is a time.Duration that may be written in days: 90d, 1d12h. Options
// and variables of the environment are read by Set.
type Duration time.Duration

// Set reads text. No duration of ours is negative. The error says what a duration
// looks like.
func (d *Duration) Set(text string) error {
	inHours := text
	if days, rest, ok := strings.Cut(text, "d"); ok && strings.Trim(days, "0123456789.") == "" {
		if n, err := strconv.ParseFloat(days, 64); err == nil {
			inHours = strconv.FormatFloat(24*n, 'f', -1, 64) + "h" + rest
		}
	}
	parsed, err := time.ParseDuration(inHours)
	if err != nil || parsed < 0 {
		return errors.New("must be a duration such as 250ms, 30s, 1h or 90d, from 0 to 106751d")
	}
	*d = Duration(parsed)
	return nil
}

func (d Duration) String() string { return time.Duration(d).String() }

// Type names the type in the help of an option.
func (d *Duration) Type() string { return "duration" }

// DurationVar defines an option that takes a Duration.
func DurationVar(flags *pflag.FlagSet, d *time.Duration, name string, value time.Duration, usage string) {
	*d = value
	flags.Var((*Duration)(d), name, usage)
}
