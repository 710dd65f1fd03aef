package page_test

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/page"
	"github.com/tagexec/tagexec/store/storetest"
)

// address is one of a route, and what it answers to those who may look and act. It is on
// a database with job 1 of batch b.
type address struct {
	path  string
	vera  int // 0: as to olu
	olu   int
	other bool // it shows no page
}

// addresses are one or more of each route.
var addresses = map[string][]address{
	"GET /{$}":                 {{path: "/", olu: 200}},
	"GET /batches":             {{path: "/batches", olu: 200}, {path: "/batches?which=x", olu: 400}},
	"GET /batches/{key}":       {{path: "/batches/b", olu: 200}, {path: "/batches/none", olu: 404}},
	"GET /batches/{key}/gantt": {{path: "/batches/b/gantt", olu: 200}, {path: "/batches/none/gantt", olu: 404}, {path: "/batches/b/gantt?from=x", olu: 400}, {path: "/batches/b/gantt?format=csv", olu: 200, other: true}},
	"GET /pools":               {{path: "/pools", olu: 200}, {path: "/pools?format=json", olu: 200, other: true}},
	"GET /pools/{pool}":        {{path: "/pools/default", olu: 200}, {path: "/pools/none", olu: 404}, {path: "/pools/default?slots=x", olu: 400}},
	"GET /tags":                {{path: "/tags", olu: 200}, {path: "/tags?show=grid", olu: 200}, {path: "/tags?show=x", olu: 400}, {path: "/tags?format=csv", olu: 200, other: true}},
	"GET /tags/{tag}":          {{path: "/tags/none", olu: 404}, {path: "/tags/none?days=x", olu: 400}},
	"GET /failures":            {{path: "/failures", olu: 200}, {path: "/failures?day=2026-02-30", olu: 400}, {path: "/failures?day=0001-01-01", olu: 400}, {path: "/failures?day=9999-12-31", olu: 200}, {path: "/failures?format=csv", olu: 200, other: true}},
	"GET /doctor":              {{path: "/doctor", vera: 403, olu: 200}},
	"POST /doctor":             {{path: "/doctor", vera: 403, olu: 303}},
	"GET /executors":           {{path: "/executors", olu: 200}, {path: "/executors?which=ended", olu: 200}, {path: "/executors?which=x", olu: 400}, {path: "/executors?which=ended&from=x", olu: 400}, {path: "/executors?format=csv", olu: 200, other: true}},
	"GET /jobs/{id}":           {{path: "/jobs/1", olu: 200}, {path: "/jobs/1?format=json", olu: 200, other: true}, {path: "/jobs/77", olu: 404}, {path: "/jobs/x", olu: 400}},
	"GET /jobs/{id}/output":    {{path: "/jobs/1/output", olu: 200, other: true}, {path: "/jobs/1/output?attempt=1", olu: 404}, {path: "/jobs/77/output", olu: 404}, {path: "/jobs/1/output?from=x", olu: 400}},
	"GET /jobs":                {{path: "/jobs", olu: 200}, {path: "/jobs?state=x", olu: 400}},
	"GET /find":                {{path: "/find?q=x", olu: 200}, {path: "/find?q=1", olu: 303, other: true}},
	"GET /do/{deed}":           {{path: "/do/pause-pool?pool=default", vera: 403, olu: 200}, {path: "/do/none", olu: 404}},
	"POST /do/{deed}":          {{path: "/do/pause-pool", vera: 403, olu: 200}, {path: "/do/none", olu: 404}},
	"GET /":                    {{path: "/none", olu: 404}},
	"GET /assets/{file}":       {{path: "/assets/" + page.AssetName("page.css"), olu: 200, other: true}, {path: "/assets/none", olu: 404, other: true}},
	"POST /settings":           {{path: "/settings", olu: 303, other: true}},
	"GET /actions":             {{path: "/actions", olu: 200}, {path: "/actions?job=x", olu: 400}, {path: "/actions?from=x", olu: 400}, {path: "/actions?executor=x", olu: 400}, {path: "/actions?format=csv", olu: 200, other: true}},
}

func TestEachRouteHasAnAddressHere(t *testing.T) {
	t.Parallel()
	routes := page.Routes()
	if listed := slices.Sorted(maps.Keys(addresses)); !slices.Equal(routes, listed) {
		t.Errorf("routes are %q, and addresses has %q", routes, listed)
	}
}

// Every route, by whoever, with every method.
func TestRoutesAnswerThoseWhoMay(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Insert(storetest.Row{"tag": "a", "batch": "b"})
	p := newPage(t, db.URL)
	for route, list := range addresses {
		method, _, _ := strings.Cut(route, " ")
		for _, a := range list {
			for user, want := range map[string]int{nobody: 401, vera: cmp.Or(a.vera, a.olu), olu: a.olu} {
				if got := as(t, p, user).send(method, a.path).want(want); user == nobody {
					got.lacks("<")
				}
			}
			for _, other := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"} {
				if _, also := addresses[other+strings.TrimPrefix(route, method)]; other == method || also {
					continue
				}
				if got := as(t, p, olu).send(other, a.path); got.Code != http.StatusMethodNotAllowed && got.Code != http.StatusNotFound {
					t.Errorf("%s: %d", got.asked, got.Code)
				}
				as(t, p, nobody).send(other, a.path).want(401)
			}
		}
	}
	if n := storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_operator_actions"); n != 0 {
		t.Errorf("%d actions were done", n)
	}
}
