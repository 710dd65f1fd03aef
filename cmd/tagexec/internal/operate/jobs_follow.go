package operate

import (
	"context"
	"slices"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/cmd/internal/wait"
	"github.com/tagexec/tagexec/store/report"
)

const (
	// followPause is between two looks of --follow.
	followPause = 2 * time.Second
	// followPage is how many jobs one look of --follow sees.
	followPage = 500
)

// sight is a job as it was seen: it is shown again when that changes.
type sight struct {
	id      int64
	state   string
	attempt int
}

// followJobs prints the jobs that match and each that comes to match, the latest last,
// until ctx ends. A database that is out of reach for a while is asked again.
func followJobs(ctx context.Context, r *report.Reader, f report.JobFilter, list *listing.List[report.Job]) error {
	seen := map[sight]bool{}
	for first := true; ; first = false {
		page, err := r.Jobs(ctx, f, nil, followPage)
		switch {
		case ctx.Err() != nil:
			return list.End()
		case err != nil && (first || !report.Passing(err)):
			return err
		case err == nil:
			now := map[sight]bool{}
			fresh := slices.DeleteFunc(page.Jobs, func(j report.Job) bool {
				s := sight{j.ID, j.State, j.Attempt}
				now[s] = true
				return seen[s]
			})
			seen = now
			slices.Reverse(fresh)
			if err := list.Page(fresh); err != nil {
				return err
			}
		}
		if err := wait.For(ctx, followPause); err != nil {
			if code, signalled := cli.Signalled(ctx); signalled {
				_ = list.End()
				return cli.Exit(code)
			}
			return err
		}
	}
}
