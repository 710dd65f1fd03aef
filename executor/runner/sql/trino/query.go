package trino

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"
)

const (
	// sendGrace is how long the answer to a statement is waited for when the job has ended:
	// it says what is to be ended, and comes before the statement runs.
	sendGrace = time.Second
	// away is how long the server may be out of reach while a query runs, and busy how long
	// it may say that it cannot answer now.
	away = 2 * time.Second
	busy = 10 * time.Second
	// again is after how long it is asked again.
	again = 100 * time.Millisecond
)

// result is what a query came to.
type result struct {
	columns []column
	row     []json.RawMessage // the first; nil for none
	updates bool              // its rows are no result, but how many it changed
	count   *int64
	told    *queryError
}

func (r *result) add(p page) {
	if p.Columns != nil {
		r.columns = p.Columns
	}
	if r.row == nil {
		r.row = p.Row
	}
	if p.UpdateCount != nil {
		r.count = p.UpdateCount
	}
	r.updates = r.updates || p.UpdateType != ""
	r.told = p.Error
}

// query runs a text to its end, page by page: a query that nobody asks for its pages
// stands still, and is ended by the server. If there is no end, or ctx ends, it ends the
// query itself. began is told the server's id.
func (e *engine) query(ctx context.Context, text string, header http.Header, wantRow bool, began func(id string)) (r result, err error) {
	p, err := e.send(ctx, text, header, wantRow)
	if p.ID != "" {
		began(p.ID)
	}
	for err == nil {
		r.add(p)
		if p.Error != nil || p.NextURI == "" {
			return r, nil
		}
		var following page
		if following, err = e.follow(ctx, p.NextURI, wantRow && r.row == nil); err == nil {
			p = following
		}
	}
	if p.ID != "" {
		e.end(p.ID, p.NextURI)
	}
	return r, err
}

// send sends a statement.
func (e *engine) send(ctx context.Context, text string, header http.Header, wantRow bool) (p page, err error) {
	sending, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(sendGrace, stop) })()
	_, err = e.do(sending, http.MethodPost, e.client.URL("/v1/statement", nil), text, header, into(&p, wantRow))
	return p, err
}

// follow asks for the next page. One that was lost can be asked for once more.
func (e *engine) follow(ctx context.Context, where string, wantRow bool) (p page, err error) {
	where, err = e.next(where)
	if err != nil {
		return p, err
	}
	for began := time.Now(); ; {
		code, err := e.do(ctx, http.MethodGet, where, "", nil, into(&p, wantRow))
		if err == nil || ctx.Err() != nil || time.Since(began) > patience(code, err) {
			return p, err
		}
		select {
		case <-time.After(again):
		case <-ctx.Done():
		}
	}
}

// patience is how long to go on asking where the answer was this one.
func patience(code int, err error) time.Duration {
	switch {
	case code == 0, errors.Is(err, io.ErrUnexpectedEOF):
		return away
	case code == http.StatusTooManyRequests, code > http.StatusNotImplemented:
		return busy
	}
	return 0
}

// into reads a page.
func into(p *page, wantRow bool) func(io.Reader) error {
	return func(body io.Reader) (err error) {
		*p, err = readPage(body, wantRow)
		return err
	}
}
