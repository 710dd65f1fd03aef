package page

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/tagexec/tagexec/store/operate"
)

// deed is something that a button does. Its page asks for a reason, says what will be,
// and does it when the form is sent: so it works without JavaScript, and a link to it
// changes nothing.
type deed struct {
	title   func(url.Values) string // what it does, such as "Pause pool warehouse"
	explain string                  // what that means
	danger  bool
	fields  []field
	// preview says what would be done, where that is not clear from the title.
	preview func(*visit, url.Values) ([]string, error)
	do      func(context.Context, *operate.Actor, url.Values, operate.Order) (said string, err error)
	// steps does instead of do what may take long: a part of it, with a view of how far it
	// is, and nil when it is done.
	steps func(*visit, *operate.Actor, url.Values, operate.Order) (made *view, said string, err error)
}

// field is something that the form of a deed asks for beside the reason.
type field struct {
	Name, Label, Kind, Hint string
	Options                 []string
	Optional                bool
	Value                   string
}

// doData is what do.html shows.
type doData struct {
	Title, Explain string
	Danger         bool
	Preview        []string
	Fields         []field
	Hidden         []hidden
	Back           string
	Problem        string
	Reason         string
}

type hidden struct{ Name, Value string }

// maxReason is how long a reason may be.
const maxReason = 1000

// ask shows the page of a deed.
func (v *visit) askDeed(d deed, form url.Values, problem string) (*view, error) {
	data := doData{Title: d.title(form), Explain: d.explain, Danger: d.danger, Back: v.back(form.Get("back")), Problem: problem, Reason: form.Get("reason")}
	if d.preview != nil { // it may fix what the form means
		var err error
		if data.Preview, err = d.preview(v, form); err != nil {
			return nil, err
		}
	}
	for _, f := range d.fields {
		f.Value = form.Get(f.Name)
		data.Fields = append(data.Fields, f)
	}
	for name, values := range form {
		if name == "reason" || isField(d.fields, name) {
			continue
		}
		for _, value := range values {
			data.Hidden = append(data.Hidden, hidden{name, value})
		}
	}
	return &view{template: "do", Title: data.Title, Data: data, still: true}, nil
}

func isField(fields []field, name string) bool {
	for _, f := range fields {
		if f.Name == name {
			return true
		}
	}
	return false
}

// deedPage shows a deed, or does it.
func deedPage(v *visit) (*view, error) {
	d, known := deeds[v.r.PathValue("deed")]
	if !known {
		return nothing(v)
	}
	if !v.May() {
		v.problem(http.StatusForbidden, "Not allowed", v.mayNot())
		return nil, nil
	}
	if v.r.Method != http.MethodPost {
		return v.askDeed(d, maps.Clone(v.Query), "")
	}
	form, err := v.form()
	if err != nil {
		return nil, err
	}
	reason := strings.TrimSpace(form.Get("reason"))
	if reason == "" || len(reason) > maxReason {
		return v.askDeed(d, form, "Say why, in up to 1,000 characters: whoever looks for it later will ask.")
	}
	actor := v.page.actor
	if v.Seat.role != "" {
		actor = actor.As(v.Seat.role)
	}
	order, made, said := operate.Order{Reason: reason, UIUser: v.Asker.User}, (*view)(nil), ""
	if d.steps != nil {
		made, said, err = d.steps(v, actor, form, order)
	} else {
		said, err = d.do(v.r.Context(), actor, form, order)
	}
	if err != nil {
		return nil, err
	}
	v.page.shared.forget()
	if made != nil {
		return made, nil
	}
	v.say(said)
	http.Redirect(v.w, v.r, v.back(form.Get("back")), http.StatusSeeOther)
	return nil, nil
}

// form is what was sent.
func (v *visit) form() (url.Values, error) {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, 1<<20)
	if err := v.r.ParseForm(); err != nil {
		return nil, wrong("the form cannot be read: %v", err)
	}
	return v.r.PostForm, storable("", v.r.PostForm)
}

// mayNot says why a visitor may not act.
func (v *visit) mayNot() string {
	if v.Asker.Level < roleLevel {
		if v.Asker.User == "" {
			return "Here one may look. To act, log in: set TAGEXEC_HTTP_USER and TAGEXEC_HTTP_PASSWORD, or use tagexec dashboard."
		}
		return "User " + v.Asker.User + " may look and not act. Users who may are named by TAGEXEC_HTTP_USER and TAGEXEC_UI_OPERATORS."
	}
	return "The page's login may not act on the queue: an administrator can GRANT tagexec_operator TO it, or give the page a login of its own with TAGEXEC_UI_DATABASE_URL."
}
