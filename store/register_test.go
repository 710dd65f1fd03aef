package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestRegisterStoresTheBatchOfAnExecutor(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for _, batch := range []string{"b", ""} {
		s, err := db.Store().Register(t.Context(), store.Executor{Kinds: []string{"sql"}, Batch: batch})
		if err != nil {
			t.Fatal(err)
		}
		if got := storetest.One[string](db, "SELECT coalesce(batch, '') FROM tagexec.tag_executors WHERE id = $1", s.ID()); got != batch {
			t.Errorf("an executor of batch %q is registered with %q", batch, got)
		}
	}
}

// After pg-boss's "touch should return 0 affected for non-active job" and Solid Queue's "hostname's with special characters are properly loaded".
func TestRegisterHeartbeatAndStop(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	e := store.Executor{Hostname: `h"'\ü`, PID: 7, Version: "v", Workers: 3, Kinds: []string{"sql", "new kind"}, Pools: []string{"default"}, Lease: 1500 * time.Millisecond}
	s, err := db.Store().Register(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	if got := storetest.One[string](db, "SELECT concat_ws(' ', hostname, pid, version, workers, kinds, pools, lease_seconds, heartbeat_at = started_at) FROM tagexec.tag_executors"); got != `h"'\ü 7 v 3 {sql,"new kind"} {default} 1.5 t` {
		t.Errorf("registered as %s", got)
	}
	if got := fmt.Sprint(storetest.All[string](db, "SELECT kind FROM tagexec.tag_kinds ORDER BY kind")); got != "[command http new kind sql]" {
		t.Errorf("kinds %s", got)
	}
	if _, err := s.Heartbeat(t.Context()); err != nil {
		t.Error(err)
	}
	if !storetest.One[bool](db, "SELECT heartbeat_at > started_at FROM tagexec.tag_executors") {
		t.Error("the heartbeat left no trace")
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if !storetest.One[bool](db, "SELECT stopped_at >= heartbeat_at FROM tagexec.tag_executors") {
		t.Error("the stop left no trace")
	}
	if _, err := store.SessionOf(db.Store(), uuid.New(), e).Heartbeat(t.Context()); !errors.Is(err, store.ErrReaped) {
		t.Errorf("heartbeat of an unknown executor: %v", err)
	}
}
