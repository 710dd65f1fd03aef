package clickhouse

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/sql"
	"github.com/tagexec/tagexec/executor/runner/sql/overhttp"
)

// request is a statement and how it runs. Settings are parameters of the URL, logins are
// not.
type request struct {
	text     string
	settings map[string]string
	wantRow  bool
}

// ask sends a statement and reads its answer. The error is an *exception, or one of the
// connection.
func (e *engine) ask(ctx context.Context, r request) (answer, error) {
	query := url.Values{}
	for name, value := range e.settings {
		query.Set(name, value)
	}
	query.Set("default_format", "JSONCompact") // which all versions have
	query.Set("wait_end_of_query", "1")        // else a failure comes behind a status that says success
	if e.database != "" {
		query.Set("database", e.database)
	}
	for name, value := range r.settings {
		query.Set(name, value)
	}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, e.client.URL("/", query), strings.NewReader(r.text))
	if err != nil {
		return answer{}, err
	}
	if e.user != "" {
		post.Header.Set("X-ClickHouse-User", e.user)
		post.Header.Set("X-ClickHouse-Key", e.password)
	}
	if parent := executor.Traceparent(ctx); sql.IsTraceparent(parent) {
		post.Header.Set("traceparent", parent)
	}
	response, err := e.client.Do(post)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return answer{}, refusal(response)
	}
	a, err := read(response.Body, r.wantRow)
	a.written = written(response.Header.Get("X-ClickHouse-Summary"))
	return a, err
}

// maxRefusal is how much of an error is read, in bytes.
const maxRefusal = 64 << 10

// refusal is what the server says in place of an answer.
func refusal(response *http.Response) error {
	if response.StatusCode/100 == 3 {
		return overhttp.Redirect
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxRefusal))
	if err != nil {
		return err
	}
	if refused := findException(string(body)); refused != nil {
		return refused
	}
	if number, err := strconv.Atoi(response.Header.Get("X-ClickHouse-Exception-Code")); err == nil {
		return &exception{number: number, text: string(body)}
	}
	if response.StatusCode >= 500 {
		return overhttp.Away
	}
	return notClickHouse
}

const notClickHouse = overhttp.Answer("what answers there is not ClickHouse's HTTP interface, whose port is 8123, with TLS 8443")
