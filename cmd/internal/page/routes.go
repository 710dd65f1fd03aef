package page

import "net/http"

// routes are all pages.
func (p *Page) routes() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, do := range map[string]show{
		"GET /{$}":           overview,
		"GET /batches":       batches,
		"GET /batches/{key}": batch,
		"GET /do/{deed}":     deedPage,
		"POST /do/{deed}":    deedPage,
		"GET /":              nothing,
	} {
		mux.Handle(pattern, p.page(do))
	}
	mux.HandleFunc("GET /assets/{file}", serveAsset)
	mux.HandleFunc("POST /settings", p.settings)
	return mux
}

// nothing answers for what is no page.
func nothing(v *visit) (*view, error) {
	v.problem(http.StatusNotFound, "There is no such page", "The address may be misspelt; the links above lead to all pages.")
	return nil, nil
}
