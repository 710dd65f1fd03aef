package trino

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/tagexec/tagexec/executor/runner/sql/overhttp"
)

// status is an answer that is none.
type status int

func (s status) Error() string { return fmt.Sprintf("the server answers with status %d", int(s)) }

// do sends a request and gives its body to read. The login goes with it.
func (e *engine) do(ctx context.Context, method, where, text string, header http.Header, read func(io.Reader) error) (code int, err error) {
	request, err := http.NewRequestWithContext(ctx, method, where, strings.NewReader(text))
	if err != nil {
		return 0, err
	}
	for name, values := range header {
		request.Header[name] = values
	}
	request.Header.Set(e.prefix+"User", e.user)
	if e.password != "" {
		request.SetBasicAuth(e.user, e.password)
	}
	response, err := e.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	code = response.StatusCode
	switch {
	case code/100 == 3:
		return code, overhttp.Redirect
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return code, refused
	case code/100 != 2:
		_, _ = io.CopyN(io.Discard, response.Body, 64<<10) // so that the connection can be used again
		return code, status(code)
	case read == nil:
		return code, nil
	}
	return code, read(response.Body)
}

// get reads a small JSON document.
func (e *engine) get(ctx context.Context, where string, into any) error {
	_, err := e.do(ctx, http.MethodGet, where, "", nil, func(body io.Reader) error {
		if json.NewDecoder(io.LimitReader(body, 64<<10)).Decode(into) != nil {
			return notTrino
		}
		return nil
	})
	return strange(err)
}

// strange says in words what a status is that a coordinator does not answer with.
func strange(err error) error {
	var other status
	switch {
	case errors.As(err, &other) && other >= 500:
		return overhttp.Away
	case errors.As(err, &other):
		return notTrino
	}
	return err
}

var errElsewhere = errors.New("the query goes on elsewhere")

// next is where the server says that a query goes on, if that is on the same server: the
// login goes there too.
func (e *engine) next(where string) (string, error) {
	u, err := url.Parse(where)
	if err != nil || !e.client.Owns(u) {
		return "", errElsewhere
	}
	query := u.Query()
	query.Set("targetResultSize", "1MB") // as little as the server goes down to
	u.RawQuery = query.Encode()
	return u.String(), nil
}
