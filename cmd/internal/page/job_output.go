package page

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/cmd/internal/wait"
	"github.com/tagexec/tagexec/store/report"
)

const (
	// watchLife is after how long a watch is renewed; it lasts for 15 seconds.
	watchLife = 5 * time.Second
	// firstBytes is how long somebody without JavaScript waits for the first output.
	firstBytes = 3 * time.Second
	livePause  = 250 * time.Millisecond
)

// printed is a part of an output.
type printed struct {
	text  string
	from  int64 // where it begins; before what was asked for: it is to replace all of that
	next  int64 // where to ask next
	ended bool  // there will be no more
	note  string
}

// output answers with what an attempt has printed from a byte on, as text. While the
// attempt runs that is what its executor shows, because somebody asks; then what was
// recorded beyond that.
func output(v *visit) (*view, error) {
	id, err := jobNumber(v.r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	attempt := number(v.Query.Get("attempt"))
	text := v.Query.Get("from")
	from, err := strconv.ParseInt(text, 10, 64)
	if text != "" && (err != nil || from < 0) {
		return nil, wrong("from=%s: an output goes on from a number of bytes", text)
	}
	// Where the job stands is asked first: what was printed before its end is then there.
	now, err := v.reader.Standing(v.r.Context(), id)
	if err != nil {
		return nil, err
	}
	named := attempt > 0
	if !named {
		attempt = now.Attempt
	}
	var p printed
	switch {
	case !named && now.Attempt == 0:
		p.note = "No attempt has begun."
	case now.State == "running" && now.Attempt == attempt:
		p, err = v.live(id, attempt, from, text == "")
	default:
		p, err = v.recorded(id, attempt, from)
	}
	if err != nil {
		return nil, err
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Tagexec-From", strconv.FormatInt(p.from, 10))
	h.Set("Tagexec-Next", strconv.FormatInt(p.next, 10))
	h.Set("Tagexec-Ended", strconv.FormatBool(p.ended))
	if p.note != "" {
		h.Set("Tagexec-Note", p.note)
	}
	_, _ = io.WriteString(v.w, p.text) // the visitor may be gone
	return nil, nil
}

// live is what is shown of a running attempt. patient waits a while for the first of it.
func (v *visit) live(id int64, attempt int, from int64, patient bool) (printed, error) {
	p := printed{from: from, next: from}
	watch := ask(v, fmt.Sprintf("watch of job %d", id), watchLife, func(ctx context.Context, r *report.Reader) (bool, error) { return r.Watch(ctx, id) })
	if errors.As(watch.err, new(*report.PrimaryError)) || errors.As(watch.err, new(*report.RefusedError)) { // an executor's login reads, and may not watch
		p.note = listing.Sentence(sentence(watch.err)) + " What is recorded comes when the attempt ends."
		return p, nil
	}
	if watch.err != nil && !watch.Known {
		return p, watch.err
	}
	ctx := v.r.Context()
	for began := time.Now(); ; {
		chunks, err := v.reader.Chunks(ctx, id, attempt, from)
		if err != nil {
			return p, err
		}
		var b strings.Builder
		for _, c := range chunks {
			if c.AtByte > p.next {
				fmt.Fprintf(&b, "\n… %s are not there any more, as after a failover …\n", listing.Plural(int(c.AtByte-p.next), "byte"))
			}
			b.WriteString(c.Chunk)
			p.next = c.AtByte + int64(len(c.Chunk))
		}
		p.text = b.String()
		if p.text != "" || !patient || time.Since(began) > firstBytes || wait.For(ctx, livePause) != nil {
			return p, nil
		}
	}
}

// recorded is what follows on a byte in the output of an attempt that has ended: on what
// was shown of it while it ran, if that is still there.
func (v *visit) recorded(id int64, attempt int, from int64) (printed, error) {
	ctx := v.r.Context()
	o, found, err := v.reader.Output(ctx, id, attempt)
	if err != nil {
		return printed{}, err
	}
	if !found {
		return printed{}, report.Missing("job %d has no attempt %d that has ended", id, attempt)
	}
	whole := plain(o.Output)
	all := printed{text: whole, next: int64(len(whole)), ended: true}
	if from == 0 {
		return all, nil
	}
	var (
		shown strings.Builder
		bytes int64
	)
	chunks, err := v.reader.Chunks(ctx, id, attempt, 0)
	if err != nil && !errors.As(err, new(*report.PrimaryError)) {
		return printed{}, err
	}
	for _, c := range chunks {
		shown.WriteString(c.Chunk)
		bytes = c.OutputBytes
	}
	if int64(shown.Len()) < from {
		if o.OutputBytes == int64(len(whole)) && from <= int64(len(whole)) { // nothing of it was left out
			return printed{text: whole[from:], from: from, next: all.next, ended: true}, nil
		}
		return all, nil
	}
	rest, missing, ok := o.Rest(shown.String(), bytes)
	if !ok {
		return all, nil
	}
	if missing > 0 {
		rest = fmt.Sprintf("\n… %s were neither shown nor recorded …\n", listing.Plural(int(missing), "byte")) + rest
	}
	return printed{text: shown.String()[from:] + rest, from: from, next: int64(shown.Len() + len(rest)), ended: true}, nil
}
