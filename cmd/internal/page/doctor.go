package page

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/doctor"
	"github.com/tagexec/tagexec/store/report"
)

// doctorData is what doctor.html shows.
type doctorData struct {
	Sentence string
	Last     checked
	Since    time.Time // one is being made; zero: none is
}

// finding is a diagnosis as a row of a list.
type finding struct {
	Level  string `json:"level"`
	Check  string `json:"check"`
	Detail string `json:"detail"`
	Remedy string `json:"remedy"`
}

// doctorPage answers: is something wrong with the queue itself? A POST looks.
func doctorPage(v *visit) (*view, error) {
	if v.Asker.Level < roleLevel {
		v.problem(http.StatusForbidden, "Not allowed", "Whoever may act may have the queue looked at: it reads all tables. "+v.mayNot())
		return nil, nil
	}
	if v.r.Method == http.MethodPost {
		v.page.checkup.begin(v.page.DatabaseURL)
		http.Redirect(v.w, v.r, v.URL("/doctor"), http.StatusSeeOther)
		return nil, nil
	}
	d := doctorData{}
	d.Last, d.Since = v.page.checkup.now()
	if v.exports() {
		return export(v, "doctor", func(context.Context, *report.Reader, string, int) (found rows[finding], err error) {
			for _, one := range d.Last.List {
				found.List = append(found.List, finding{string(one.Level), one.Check, one.Detail, one.Remedy})
			}
			return found, nil
		})
	}
	d.Sentence = doctorSentence(v.frame, d)
	return &view{template: "doctor", Title: "Doctor", Data: d, settled: d.Since.IsZero()}, nil
}

func doctorSentence(f *frame, d doctorData) string {
	found, unknown := 0, 0
	for _, one := range d.Last.List {
		switch one.Level {
		case doctor.Finding:
			found++
		case doctor.Unknown:
			unknown++
		}
	}
	text := ""
	switch {
	case d.Last.At.IsZero() && d.Since.IsZero():
		return "Nobody has looked yet whether something is wrong with the queue."
	case d.Last.At.IsZero():
		return "The queue is being looked at."
	case d.Last.Err != nil:
		return "The queue could not be looked at: " + listing.Sentence(d.Last.Err.Error())
	case found == 0:
		text = "Nothing is wrong with the queue"
	case found == 1:
		text = "1 thing is wrong with the queue"
	default:
		text = fmt.Sprintf("%d things are wrong with the queue", found)
	}
	if unknown > 0 {
		text += fmt.Sprintf("; %s could not be made", listing.Plural(unknown, "check"))
	}
	return text + ", as it was " + f.Ago(d.Last.At) + "."
}

// sign is how a level of a diagnosis is shown, beside its word.
type sign struct{ Class, Glyph string }

var signs = map[doctor.Level]sign{
	doctor.Finding: {"bad", "!"},
	doctor.Unknown: {"wait", "?"},
	doctor.Info:    {"run", "·"},
	doctor.OK:      {"ok", "✓"},
}

// Sign is that of a level.
func (doctorData) Sign(l doctor.Level) sign { return signs[l] }
