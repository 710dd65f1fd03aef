package storetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store/devpg"
)

// template is the migrated database that New clones.
const template = "tagexec_template"

// startTimeout is long: the server's binaries may have to be downloaded.
const startTimeout = 5 * time.Minute

// Main runs the package's tests, stops the server if one was started, looks
// for goroutines that are still there, and exits.
func Main(m *testing.M) { goleak.VerifyTestMain(Tests{m}) }

// Tests are the tests of a package, for a TestMain that does more than Main.
type Tests struct{ M *testing.M }

// Run runs the tests and stops the server if one was started; goleak looks
// after it has returned.
func (t Tests) Run() int {
	exit := t.M.Run()
	if err := theServer.stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return exit
}

// theServer is the server of this test process. It starts at the first use, so
// that a test binary which runs itself as a child, or only lists its tests,
// starts none.
var theServer server

type server struct {
	mu  sync.Mutex
	pg  *devpg.Server
	err error
}

// started returns the running server.
func (s *server) started() (*devpg.Server, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pg == nil && s.err == nil {
		s.err = s.start()
	}
	return s.pg, s.err
}

func (s *server) start() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	pg, err := devpg.Start(ctx, devpg.Options{
		Fast: true,
		Settings: map[string]string{
			"max_connections": "300",
			"autovacuum":      "off", // it would visit each of a hundred databases in turn
			"jit":             "off",
		},
		Log: func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) },
	})
	if err != nil {
		return err
	}
	if err := makeTemplate(ctx, pg); err != nil {
		return errors.Join(fmt.Errorf("make the template database: %w", err), pg.Stop())
	}
	s.pg = pg
	return nil
}

func makeTemplate(ctx context.Context, pg *devpg.Server) error {
	if err := admin(ctx, pg, "CREATE DATABASE "+template); err != nil {
		return err
	}
	if _, err := migrations.Up(ctx, pg.URL(template)); err != nil {
		return err
	}
	return admin(ctx, pg, "ALTER DATABASE "+template+" ALLOW_CONNECTIONS false")
}

// admin runs a statement in the server's own database.
func admin(ctx context.Context, pg *devpg.Server, sql string) (err error) {
	conn, err := pgx.Connect(ctx, pg.URL("postgres"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	_, err = conn.Exec(ctx, sql)
	return err
}

func (s *server) stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pg == nil {
		return nil
	}
	if os.Getenv("TAGEXEC_TEST_KEEP") != "" {
		fmt.Fprintf(os.Stderr, "server kept at %s; Ctrl-C stops it\n", s.pg.URL("postgres"))
		interrupted := make(chan os.Signal, 1)
		signal.Notify(interrupted, os.Interrupt)
		<-interrupted
		signal.Stop(interrupted)
	}
	return s.pg.Stop()
}
