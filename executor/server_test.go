package executor_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store/devpg"
)

// server is the PostgreSQL server of the tests that need one, started by the first.
var server struct {
	sync.Mutex
	*devpg.Server
	databases int
}

// database returns the URL of a migrated database of the test's own.
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
	}
	ctx := context.Background()
	admin, err := pgx.Connect(ctx, server.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(ctx)
	server.databases++
	name := fmt.Sprintf("test%d", server.databases)
	if _, err := admin.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	if _, err := migrations.Up(ctx, server.URL(name)); err != nil {
		t.Fatal(err)
	}
	return server.URL(name)
}

func stopServer() {
	if server.Server != nil {
		_ = server.Stop()
	}
}
