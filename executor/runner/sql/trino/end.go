package trino

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// endTime is how long ending a query may take, before it is left to query_max_run_time.
const endTime = 1500 * time.Millisecond

// end ends a query in the server, by the address at which it would go on and by its id:
// the first knows queries that do not run yet, the second those whose address is old.
func (e *engine) end(id, next string) {
	ctx, cancel := context.WithTimeout(context.Background(), endTime)
	defer cancel()
	if u, err := url.Parse(next); err == nil && e.client.Owns(u) {
		_, _ = e.do(ctx, http.MethodDelete, next, "", nil, nil) // it may have ended
	}
	_, _ = e.do(ctx, http.MethodDelete, e.client.URL("/v1/query/"+id, nil), "", nil, nil)
}
