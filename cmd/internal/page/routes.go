package page

import "net/http"

// routes answers for all pages.
func (p *Page) routes() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, handler := range p.handlers() {
		mux.Handle(pattern, handler)
	}
	return mux
}

// handlers are all pages, by the pattern of their address.
func (p *Page) handlers() map[string]http.Handler {
	list := map[string]http.Handler{
		"GET /assets/{file}": http.HandlerFunc(serveAsset),
		"POST /settings":     http.HandlerFunc(p.settings),
	}
	for pattern, do := range map[string]show{
		"GET /{$}":                 overview,
		"GET /batches":             batches,
		"GET /batches/{key}":       batch,
		"GET /batches/{key}/gantt": batchGantt,
		"GET /pools":               poolList,
		"GET /pools/{pool}":        pool,
		"GET /tags":                tagList,
		"GET /tags/{tag}":          tag,
		"GET /failures":            failures,
		"GET /doctor":              doctorPage,
		"POST /doctor":             doctorPage,
		"GET /executors":           executorList,
		"GET /jobs/{id}":           job,
		"GET /jobs/{id}/output":    output,
		"GET /jobs":                jobs,
		"GET /find":                find,
		"GET /do/{deed}":           deedPage,
		"POST /do/{deed}":          deedPage,
		"GET /":                    nothing,
		"GET /actions":             actions,
	} {
		list[pattern] = p.page(do)
	}
	return list
}

// nothing answers for what is no page.
func nothing(v *visit) (*view, error) {
	v.problem(http.StatusNotFound, "There is no such page", "The address may be misspelt; the links above lead to all pages.")
	return nil, nil
}
