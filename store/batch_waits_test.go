package store_test

import (
	"testing"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestBatchWaitsAreJobsThatThisExecutorCannotRun(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_pools (pool, slots, paused) VALUES ('shut', 1, true), ('small', 2, false), ('other', NULL, false)")
	db.Insert(storetest.Row{"batch": "b"}, storetest.Row{"batch": "b", "kind": "http"}, storetest.Row{"batch": "b", "kind": "http"},
		storetest.Row{"batch": "b", "pool": "shut"}, storetest.Row{"batch": "b", "pool": "small", "slots": 2}, storetest.Row{"batch": "b", "pool": "other"},
		storetest.Row{"batch": "another", "kind": "command"})
	db.Exec("UPDATE tagexec.tag_pools SET slots = 1 WHERE pool = 'small'")
	db.Claimer(store.Executor{Kinds: []string{"http"}})
	got, err := db.Store().BatchWaits(t.Context(), "b", []string{"sql"}, []string{"default", "shut", "small"})
	if err != nil {
		t.Fatal(err)
	}
	storetest.Check(t, "waits", got, []store.Wait{
		{Kind: "http", Pool: "default", Jobs: 2, Elsewhere: true},
		{Kind: "sql", Pool: "other", Jobs: 1},
		{Kind: "sql", Pool: "shut", Paused: true, Jobs: 1},
		{Kind: "sql", Pool: "small", TooWide: true, Jobs: 1},
	})
	if got, err = db.Store().BatchWaits(t.Context(), "b", []string{"sql", "http"}, nil); err != nil || len(got) != 2 {
		t.Errorf("an executor of all pools: %v, %v", got, err)
	}
	if got, err = db.Store().BatchWaits(t.Context(), "b", nil, nil); err != nil || len(got) != 5 {
		t.Errorf("no executor: %v, %v", got, err)
	}
}

func TestBatchLacksCountsWhoNeedsWhatIsUnavailable(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Insert(storetest.Row{"batch": "b", "payload": `{"source": "a"}`}, storetest.Row{"batch": "b", "payload": `{"source": "a"}`},
		storetest.Row{"batch": "b", "payload": `{"source": "b"}`}, storetest.Row{"batch": "another", "payload": `{"source": "a"}`},
		storetest.Row{"batch": "b", "kind": "http", "payload": `{"source": "a"}`})
	got, err := db.Store().BatchLacks(t.Context(), "b", []store.Unavailable{
		{Kind: "sql", Resource: store.Resource{Name: "source a", Field: "source", Texts: []string{"a"}}},
		{Kind: "sql", Resource: store.Resource{Name: "source c", Field: "source", Texts: []string{"c"}}},
		{Kind: "http", Resource: store.Resource{Name: "all of http"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	storetest.Check(t, "lacks", got, map[string]int{"source a": 2, "all of http": 1})
}

func TestMissingPools(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	got, err := db.Store().MissingPools(t.Context(), []string{"warehouse", "default", "etl"})
	if err != nil {
		t.Fatal(err)
	}
	storetest.Check(t, "missing pools", got, []string{"etl", "warehouse"})
}
