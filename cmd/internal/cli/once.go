package cli

import (
	"errors"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// once is the value of an option that may be given once. Of two pflag takes the
// last without a word: of two files of jobs one would not be submitted.
type once struct {
	pflag.Value
	given bool
}

func (o *once) Set(text string) error {
	if o.given {
		return errors.New("the option is there twice, and takes one value")
	}
	o.given = true
	if o.Type() == "int" { // pflag's own takes 010 for eight
		n, err := strconv.Atoi(text)
		if err != nil {
			return errors.New("must be a whole number")
		}
		text = strconv.Itoa(n)
	}
	return o.Value.Set(text)
}

// refuseRepeats makes every option of cmd and its subcommands be given once, but
// lists and switches.
func refuseRepeats(cmd *cobra.Command) {
	wrap := func(f *pflag.Flag) {
		switch f.Value.(type) {
		case *once, pflag.SliceValue:
		default:
			if f.Value.Type() != "bool" {
				f.Value = &once{Value: f.Value}
			}
		}
	}
	cmd.Flags().VisitAll(wrap)
	cmd.PersistentFlags().VisitAll(wrap)
	for _, sub := range cmd.Commands() {
		refuseRepeats(sub)
	}
}
