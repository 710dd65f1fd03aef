package page

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

// findData is what find.html shows.
type findData struct {
	Sentence string
	Typed    string
	Groups   []foundGroup
}

// foundGroup are the names of one kind that begin as somebody typed.
type foundGroup struct {
	Title string
	Names part[[]string]
	Links []link
}

// find leads to what somebody types: the number of a job, or a batch, a pool or a tag of
// exactly this name. Else it shows what begins so.
func find(v *visit) (*view, error) {
	typed := strings.TrimSpace(v.Query.Get("q"))
	if typed == "" {
		return &view{template: "find", Title: "Find", Data: findData{Sentence: "What do you look for?"}, still: true}, nil
	}
	if id, err := strconv.ParseInt(strings.TrimPrefix(typed, "#"), 10, 64); err == nil && id > 0 {
		return v.lead("/jobs/" + strconv.FormatInt(id, 10))
	}
	d := findData{Typed: typed}
	n := 0
	for _, kind := range []struct {
		title, path string
		names       func(*report.Reader, context.Context, string) ([]string, error)
	}{{"Batches", "/batches/", (*report.Reader).BatchNames}, {"Pools", "/pools/", (*report.Reader).PoolNames}, {"Tags", "/tags/", (*report.Reader).TagNames}} {
		found := ask(v, kind.title+" that begin with "+typed, fresh, func(ctx context.Context, r *report.Reader) ([]string, error) { return kind.names(r, ctx, typed) })
		group := foundGroup{Title: kind.title, Names: found}
		for _, name := range found.Value {
			if name == typed {
				return v.lead(kind.path + seg(name))
			}
			group.Links = append(group.Links, link{Name: name, Link: v.URL(kind.path + seg(name))})
		}
		n += len(group.Links)
		d.Groups = append(d.Groups, group)
	}
	// An older batch is not among the names that are looked through.
	if _, err := v.reader.Batch(v.r.Context(), typed); err == nil {
		return v.lead("/batches/" + seg(typed))
	}
	d.Sentence = listing.Plural(n, "name") + " begin with " + cli.Printable(typed) + "."
	switch n {
	case 0:
		d.Sentence = "Nothing begins with " + cli.Printable(typed) + "."
	case 1:
		d.Sentence = "1 name begins with " + cli.Printable(typed) + "."
	}
	return &view{template: "find", Title: "Find", Data: d, still: true}, nil
}

// lead leads to a page of ours.
func (v *visit) lead(path string) (*view, error) {
	http.Redirect(v.w, v.r, v.URL(path), http.StatusSeeOther)
	return nil, nil
}
