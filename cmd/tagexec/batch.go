package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/store"
)

// outcomeCode is the exit code of a settled batch.
func outcomeCode(c store.Counts) int {
	if c.Failed+c.Cancelled > 0 {
		return cli.ExitJobs
	}
	return cli.ExitOK
}

// printProblems names up to ten jobs that did not succeed.
func printProblems(ctx context.Context, w io.Writer, st *store.Store, batch string, c store.Counts) {
	const most = 10
	bad := c.Failed + c.Cancelled
	if bad == 0 {
		return
	}
	problems, err := st.BatchProblems(ctx, batch, most)
	if err != nil {
		fmt.Fprintf(w, "%d jobs did not succeed; their errors could not be read: %v\n", bad, err)
		return
	}
	for _, p := range problems {
		tag := p.Tag
		if p.BizDate != "" {
			tag += " " + p.BizDate
		}
		fmt.Fprintln(w, cli.Printable(fmt.Sprintf("%s %s [%s] %s", p.State, tag, p.ErrorCode, p.Error)))
	}
	if bad > len(problems) {
		fmt.Fprintf(w, "… and %d more\n", bad-len(problems))
	}
}

// printJSON writes value as one line.
func printJSON(w io.Writer, value any) error {
	return json.NewEncoder(w).Encode(value)
}
