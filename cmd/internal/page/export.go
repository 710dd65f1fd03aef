package page

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

const (
	// exportMost is how many rows of a list are given as CSV or JSON.
	exportMost = 10_000
	// exportPage is how many rows one question for them brings.
	exportPage = 1_000
	// exportLimit is how long one question for them may take, and exportTime after how
	// long no other one is asked.
	exportLimit = 3 * time.Second
	exportTime  = 10 * time.Second
)

// rows are a page of a list.
type rows[T any] struct {
	List []T
	Next string // where the list goes on, as from= in the address has it; "": it ends
}

// read reads a page of a list, from a place on.
type read[T any] func(ctx context.Context, r *report.Reader, from string, limit int) (rows[T], error)

// exports reports whether a list is wanted as CSV or JSON instead of a page.
func (v *visit) exports() bool { return v.Query.Get("format") != "" }

// export answers with a list as CSV or JSON, a page at a time. Where there is more, a
// trailer has the link to it. A list that breaks off ends the connection: it would look
// whole otherwise.
func export[T any](v *visit, name string, next read[T]) (*view, error) {
	format := v.Query.Get("format")
	if format != listing.CSV && format != listing.JSON {
		return nil, wrong("format=%s: a list is shown as csv or json, or as this page without it", format)
	}
	ctx, reader, began := v.r.Context(), v.reader.Within(exportLimit), time.Now()
	page, err := next(ctx, reader, v.Query.Get("from"), exportPage)
	if err != nil {
		return nil, err
	}
	const rest = "Tagexec-Rest"
	h := v.w.Header()
	h.Set("Trailer", rest)
	h.Set("Content-Type", "application/json")
	if format == listing.CSV {
		h.Set("Content-Type", "text/csv; charset=utf-8")
		h.Set("Content-Disposition", `attachment; filename="`+name+`.csv"`)
	}
	out := listing.Stream[T](v.w, format, v.Zone)
	for n := 0; ; {
		if err := out.Page(page.List); err != nil {
			return nil, nil // the visitor is gone
		}
		if n += len(page.List); page.Next == "" || n >= exportMost || time.Since(began) > exportTime {
			break
		}
		if page, err = next(ctx, reader, page.Next, min(exportPage, exportMost-n)); err != nil {
			if !errors.Is(err, context.Canceled) {
				v.page.Log.Warn("a list broke off", "list", name, "error", err)
			}
			panic(http.ErrAbortHandler)
		}
	}
	_ = out.End()
	if page.Next != "" {
		h.Set(rest, v.Here("from", page.Next))
	}
	return nil, nil
}
