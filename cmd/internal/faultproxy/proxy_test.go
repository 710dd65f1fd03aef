package faultproxy_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/cmd/internal/faultproxy"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// behind returns a database and a proxy in front of it.
func behind(t *testing.T) (*storetest.DB, *faultproxy.Proxy, string) {
	t.Helper()
	db := storetest.Empty(t)
	proxy, url, err := faultproxy.Before(db.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := proxy.Close(); err != nil {
			t.Error(err)
		}
	})
	return db, proxy, url
}

// connect connects through the proxy.
func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func insert(ctx context.Context, conn *pgx.Conn, n int) error {
	_, err := conn.Exec(ctx, "INSERT INTO seen VALUES ($1)", n)
	return err
}

func inserts(sql string) bool { return strings.HasPrefix(sql, "INSERT") }

func TestEverythingPassesWithoutFaults(t *testing.T) {
	t.Parallel()
	_, proxy, url := behind(t)
	for _, mode := range []string{"disable", "prefer"} {
		conn := connect(t, strings.Replace(url, "sslmode=disable", "sslmode="+mode, 1))
		long := strings.Repeat("x", 10<<20)
		var got string
		if err := conn.QueryRow(t.Context(), "SELECT $1::text || 'y'", long).Scan(&got); err != nil || got != long+"y" {
			t.Errorf("got %d bytes, error %v", len(got), err)
		}
	}
	if s := proxy.Stats(); s.Connections < 2 || s.Dropped != 0 {
		t.Errorf("stats are %+v", s)
	}
}

func TestLimitLetsBytesThroughSlowly(t *testing.T) {
	t.Parallel()
	_, proxy, url := behind(t)
	conn := connect(t, url)
	proxy.Limit(1 << 20)
	began := time.Now()
	var got string
	if err := conn.QueryRow(t.Context(), "SELECT repeat('x', 200000)").Scan(&got); err != nil || len(got) != 200000 {
		t.Errorf("got %d bytes, error %v", len(got), err)
	}
	if took := time.Since(began); took < 150*time.Millisecond {
		t.Errorf("200 kB at 1 MB/s took %s", took)
	}
}

func TestAnswerIsLostAfterTheServerDidIt(t *testing.T) {
	t.Parallel()
	db, proxy, url := behind(t)
	db.Exec("CREATE TABLE seen (n int)")
	ctx := t.Context()

	t.Run("of a prepared statement", func(t *testing.T) {
		conn := connect(t, url)
		if err := insert(ctx, conn, 1); err != nil {
			t.Fatal(err)
		}
		proxy.DropAnswers(1, inserts) // the server knows the text by now
		if err := insert(ctx, conn, 2); err == nil {
			t.Error("the answer arrived")
		}
	})
	t.Run("of a simple query", func(t *testing.T) {
		proxy.DropAnswers(1, inserts)
		if _, err := connect(t, url).Exec(ctx, "INSERT INTO seen VALUES (3)"); err == nil {
			t.Error("the answer arrived")
		}
	})
	t.Run("of the COMMIT", func(t *testing.T) {
		proxy.DropAnswers(1, inserts)
		tx, err := connect(t, url).Begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for n := 4; n < 6; n++ {
			if _, err := tx.Exec(ctx, "INSERT INTO seen VALUES ($1)", n); err != nil {
				t.Fatal(err)
			}
		}
		if err := tx.Commit(ctx); err == nil {
			t.Error("the answer arrived")
		}
	})
	if got := storetest.One[int](db, "SELECT count(*) FROM seen"); got != 5 {
		t.Errorf("%d rows, want 5", got)
	}
	if n := proxy.Stats().Dropped; n != 3 {
		t.Errorf("%d answers dropped, want 3", n)
	}

	t.Run("not where nothing was done", func(t *testing.T) {
		proxy.DropAnswers(1, func(sql string) bool { return strings.HasPrefix(sql, "DELETE") })
		conn := connect(t, url)
		if tag, err := conn.Exec(ctx, "DELETE FROM seen WHERE n > $1", 100); err != nil || tag.RowsAffected() != 0 {
			t.Errorf("%v, error %v", tag, err)
		}
		if _, err := conn.Exec(ctx, "DELETE FROM nothing"); err == nil || !strings.Contains(err.Error(), pgerrcode.UndefinedTable) {
			t.Errorf("error is %v", err)
		}
		tx, err := conn.Begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(ctx, "DELETE FROM seen WHERE n = $1", 1); err != nil {
			t.Fatal(err)
		}
		if err := tx.Rollback(ctx); err != nil {
			t.Error(err)
		}
		if _, err := conn.Exec(ctx, "DELETE FROM seen WHERE n = $1", 1); err == nil {
			t.Error("the answer to the first statement that did something arrived")
		}
	})
	if got := storetest.One[int](db, "SELECT count(*) FROM seen"); got != 4 {
		t.Errorf("%d rows, want 4", got)
	}
}

func TestCutUntilHealed(t *testing.T) {
	t.Parallel()
	_, proxy, url := behind(t)
	conn := connect(t, url)
	proxy.Cut()
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("the connection is still there")
	}
	if _, err := pgx.Connect(t.Context(), url); err == nil {
		t.Error("a new connection came through")
	}
	proxy.Heal()
	if err := connect(t, url).Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if s := proxy.Stats(); s.Cut < 1 || s.Refused < 1 || s.Connections < 2 {
		t.Errorf("stats are %+v", s)
	}
}

func TestFrozenBytesArriveWhenThawed(t *testing.T) {
	t.Parallel()
	db, proxy, url := behind(t)
	db.Exec("CREATE TABLE seen (n int)")
	frozen, free := connect(t, url+"&application_name=frozen"), connect(t, url+"&application_name=free")
	for n, conn := range []*pgx.Conn{frozen, free} {
		if err := insert(t.Context(), conn, n); err != nil {
			t.Fatal(err)
		}
	}
	proxy.FreezeApplication("frozen")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := insert(ctx, frozen, 2); err == nil {
		t.Error("the frozen connection answered")
	}
	if _, err := pgx.Connect(ctx, url+"&application_name=frozen"); err == nil {
		t.Error("a new connection is not frozen")
	}
	if err := insert(t.Context(), free, 3); err != nil {
		t.Error(err)
	}
	if n := storetest.One[int](db, "SELECT count(*) FROM seen"); n != 3 {
		t.Errorf("%d rows, want 3", n)
	}
	proxy.Thaw()
	storetest.Eventually(t, "what was held up", func() bool { return storetest.One[int](db, "SELECT count(*) FROM seen") == 4 })

	proxy.Freeze()
	done := make(chan error)
	go func() { done <- insert(t.Context(), free, 4) }()
	select {
	case <-done:
		t.Error("a frozen connection answered")
	case <-time.After(50 * time.Millisecond):
	}
	proxy.Thaw()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestFreezeAtAStatement(t *testing.T) {
	t.Parallel()
	db, proxy, url := behind(t)
	db.Exec("CREATE TABLE seen (n int)")
	conn := connect(t, url)
	proxy.FreezeAt(inserts)
	if err := conn.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := insert(ctx, conn, 1); err == nil {
		t.Error("the statement was answered")
	}
	if n := storetest.One[int](db, "SELECT count(*) FROM seen"); n != 0 || !proxy.Frozen() {
		t.Errorf("%d rows, frozen: %t", n, proxy.Frozen())
	}
	proxy.Thaw() // the client is gone, what it sent arrives
	storetest.Eventually(t, "what was held up", func() bool { return storetest.One[int](db, "SELECT count(*) FROM seen") == 1 })
}
