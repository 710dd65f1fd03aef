package executor_test

import (
	"context"
	"sync"
	"testing"

	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store/devpg"
)

// server is the PostgreSQL server of the tests that need one, started by the first.
var server struct {
	sync.Mutex
	*devpg.Server
}

// database returns the URL of a migrated database.
func database(t testing.TB) string {
	t.Helper()
	server.Lock()
	defer server.Unlock()
	if server.Server == nil {
		s, err := devpg.Start(context.Background(), devpg.Options{Fast: true})
		if err != nil {
			t.Fatal(err)
		}
		server.Server = s
		if _, err := migrations.Up(context.Background(), s.URL("postgres")); err != nil {
			t.Fatal(err)
		}
	}
	return server.URL("postgres")
}

func stopServer() {
	if server.Server != nil {
		_ = server.Stop()
	}
}
