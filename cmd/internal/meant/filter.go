package meant

import (
	"context"
	"slices"

	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

// Filter says in a sentence which name in a filter that no job matches is not there, and
// what was probably meant; "" if all names are there, or that could not be found out.
func Filter(ctx context.Context, r *report.Reader, f report.JobFilter) string {
	if err := unknownName(ctx, r, f); err != nil {
		return listing.Sentence(err.Error())
	}
	return ""
}

func unknownName(ctx context.Context, r *report.Reader, f report.JobFilter) error {
	if f.Batch != "" {
		if _, err := r.Batch(ctx, f.Batch); isMissing(err) {
			return Batch(ctx, r, f.Batch, err)
		}
	}
	if f.Pool != "" {
		if names, err := r.PoolNames(ctx, f.Pool); err == nil && !slices.Contains(names, f.Pool) {
			return Pool(ctx, r, f.Pool, report.Missing("there is no pool %q", f.Pool))
		}
	}
	if f.Tag != "" {
		if names, err := r.TagNames(ctx, f.Tag); err == nil && !slices.Contains(names, f.Tag) {
			return Tag(ctx, r, f.Tag)
		}
	}
	return nil
}
