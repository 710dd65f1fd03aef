// Package meant answers a name that is not there with those that somebody may have meant.
package meant

import (
	"context"
	"errors"
	"strconv"
	"unicode/utf8"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/store/report"
)

// Batch adds to the error of a batch that is not there which job has that number, or which
// batches have such a name. It returns other errors as they are.
func Batch(ctx context.Context, r *report.Reader, key string, err error) error {
	if !isMissing(err) {
		return err
	}
	if id, wrong := strconv.ParseInt(key, 10, 64); wrong == nil && id > 0 {
		if jobs, failed := r.JobStates(ctx, []int64{id}); failed == nil {
			of := "no batch"
			if jobs[0].Batch != nil {
				of = "batch " + strconv.Quote(*jobs[0].Batch)
			}
			return report.Missing("%v: %d is a job of %s (tagexec jobs show %d)", err, id, of, id)
		}
	}
	names, failed := r.BatchNames(ctx, key)
	if failed == nil && len(names) == 0 {
		names, failed = r.BatchNames(ctx, "")
		names = cli.Near(key, names)
	}
	return with(err, names, failed)
}

// Tag is the error of a tag without any attempt.
func Tag(ctx context.Context, r *report.Reader, tag string) error {
	err := report.Missing("no job of tag %q has ended, or all were pruned", tag)
	names, failed := r.TagNames(ctx, tag)
	for _, letters := range []int{utf8.RuneCountInString(tag) / 2, 1} { // not all tags: there may be many
		if failed != nil || len(names) > 0 {
			break
		}
		names, failed = r.TagNames(ctx, string([]rune(tag)[:letters]))
		names = cli.Near(tag, names)
	}
	return with(err, names, failed)
}

// Pool adds to the error of a pool that is not there which have such a name. It returns
// other errors as they are.
func Pool(ctx context.Context, r *report.Reader, pool string, err error) error {
	if !isMissing(err) {
		return err
	}
	names, failed := r.PoolNames(ctx, "")
	return with(err, cli.Near(pool, names), failed)
}

func isMissing(err error) bool {
	missing := (*report.MissingError)(nil)
	return errors.As(err, &missing)
}

// with adds names to an error; none if they could not be asked for.
func with(err error, names []string, failed error) error {
	const most = 3
	switch {
	case failed != nil || len(names) == 0:
		return err
	case len(names) > most:
		names = append(names[:most:most], "another that begins so")
	}
	return report.Missing("%v%s", err, cli.AskFor(names))
}
