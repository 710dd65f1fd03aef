package mysql

import (
	"context"
	"fmt"
	"strings"
)

// maxWarnings is how many warnings of a statement the output shows. The server keeps 64
// or 1024 of them.
const maxWarnings = 20

// showWarnings writes what the server says beside the result of a statement to the output.
// It has to ask after each: the driver does not tell whether there is anything. Where it
// gets no answer the statement has succeeded all the same; a connection that is lost is
// found out by what follows.
func (s *session) showWarnings(ctx context.Context) {
	if !s.link.dialect.atomic {
		return // these say nothing there
	}
	_, list, err := s.link.read(ctx, "SHOW WARNINGS")
	if err != nil {
		return
	}
	for _, warning := range list[:min(len(list), maxWarnings)] {
		fmt.Fprintf(s.job.Output, "%s %s: %s\n", strings.ToUpper(warning[0]), warning[1], warning[2])
	}
	if more := len(list) - maxWarnings; more > 0 {
		fmt.Fprintf(s.job.Output, "and %d warnings more\n", more)
	}
}
