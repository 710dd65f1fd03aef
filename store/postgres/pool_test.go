package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tagexec/tagexec/store/postgres"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// pool makes a pool whose connections ask a question first. In the driver's hands
// it would wait for the answer for ever.
func pool(t *testing.T, url string, size int32) *postgres.Pool {
	t.Helper()
	d, err := postgres.Queue(url + "&connect_timeout=1")
	if err != nil {
		t.Fatal(err)
	}
	p, err := d.Pool("test", size, func(c *pgxpool.Config) {
		c.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error { return conn.Ping(ctx) }
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func TestPoolGivesUpConnectionsThatHang(t *testing.T) {
	t.Parallel()
	silent := storetest.NewSilent(t, storetest.Empty(t).URL, 3)
	p := pool(t, silent.URL, 3)
	failed := make(chan error)
	for range 3 {
		go func() { failed <- p.Ping(t.Context()) }()
	}
	for range 3 {
		if err := <-failed; err == nil {
			t.Error("a silent server answered")
		}
	}
	if err := p.Ping(t.Context()); err != nil {
		t.Errorf("the server answers again, but: %v", err)
	}
}

func TestPoolGivesUpConnectionsThatFallSilent(t *testing.T) {
	t.Parallel()
	silent := storetest.NewSilent(t, storetest.Empty(t).URL, 0)
	p := pool(t, silent.URL, 1)
	if err := p.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	silent.Hush()
	silent.Next(1) // it says nothing to the cancel request either
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := p.Ping(ctx); err == nil {
		t.Error("a silent server answered")
	}
	ended := make(chan error)
	go func() { ended <- p.Ping(t.Context()) }()
	soon(t, "a new connection", ended)
}

func TestPoolClosesThoughEverythingHangs(t *testing.T) {
	t.Parallel()
	silent := storetest.NewSilent(t, storetest.Empty(t).URL, 0)
	p := pool(t, silent.URL, 4)
	conn, err := p.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	silent.Hush()
	silent.Next(storetest.Everybody)
	asked, connected := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := conn.Exec(context.Background(), "SELECT 1")
		conn.Release()
		asked <- err
	}()
	go func() { connected <- p.Ping(context.Background()) }()
	storetest.Eventually(t, "a connection hangs", func() bool { return silent.Hung() > 0 })
	closed := make(chan error)
	go func() { p.Close(); closed <- nil }()
	soon(t, "close", closed)
	for _, ended := range []chan error{asked, connected} {
		if <-ended == nil {
			t.Error("a silent server answered")
		}
	}
}

// soon waits less long than the driver would.
func soon(t *testing.T, what string, ended <-chan error) {
	t.Helper()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	case <-time.After(12 * time.Second):
		t.Fatalf("%s: still waiting", what)
	}
}
