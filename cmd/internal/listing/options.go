package listing

import (
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
)

// Formats of output.
const (
	Table = "table" // for people
	Wide  = "wide"  // with more columns
	JSON  = "json"  // one document
	JSONL = "jsonl" // a line each
	CSV   = "csv"
	Name  = "name" // the key of each row alone
)

var (
	formats = []string{Table, Wide, JSON, JSONL, CSV, Name}
	colours = []string{"auto", "always", "never"}
)

// Options are those of every command that lists.
type Options struct {
	Format   string
	Columns  []string
	NoHeader bool
	Zone     string
	Colour   string
}

// Flags defines the options.
func (o *Options) Flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&o.Format, "output", "o", Table, "table, wide, json, jsonl, csv or name")
	f.StringSliceVar(&o.Columns, "columns", nil, "columns to show, by the names that json has, separated by commas")
	f.BoolVar(&o.NoHeader, "no-header", false, "rows alone, without a first line that names the columns")
	f.StringVar(&o.Zone, "tz", "", "time zone of times and days, e.g. Europe/Berlin or UTC (default that of this machine)")
	f.StringVar(&o.Colour, "color", "auto", "auto, always or never; NO_COLOR turns auto off")
	for name, values := range map[string][]string{"output": formats, "color": colours} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)) // fails only for a name that is not there
	}
	for _, name := range []string{"columns", "tz"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
}

// Look checks the options and says how things look on a stream.
func (o *Options) Look(std cli.Streams) (*Look, error) {
	if err := cli.OneOf("output", o.Format, formats...); err != nil {
		return nil, err
	}
	if err := cli.OneOf("color", o.Colour, colours...); err != nil {
		return nil, err
	}
	name := o.Zone
	if name == "" {
		name = zoneOfMachine()
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, cli.Usagef("--tz is %q: must be the name of a time zone, such as Europe/Berlin or UTC", o.Zone)
	}
	l := &Look{Zone: zone, out: cli.Unguarded(std.Out), now: time.Now()}
	if cli.OnTerminal(std.Out) {
		l.width = cli.Width(std.Out)
		l.colour = o.Colour == "auto" && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	l.colour = l.colour || o.Colour == "always"
	return l, nil
}
