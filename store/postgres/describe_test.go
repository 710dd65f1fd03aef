package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/store/postgres"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestDescribeIsOneSentenceWithTheDatabaseAndEachReasonOnce(t *testing.T) {
	t.Parallel()
	there := storetest.Empty(t).URL
	at := func(from, to string) string { return strings.Replace(there, from, to, 1) }
	config, err := pgx.ParseConfig(there)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ url, want string }{
		"two hosts, TLS and not": {"postgres://u:" + secret + "@127.0.0.1:1,127.0.0.1:2/d", "ask: cannot connect to u@127.0.0.1:1,127.0.0.1:2/d: connection refused"},
		"no database":            {at("/"+config.Database, "/none"), `/none: FATAL: database "none" does not exist (SQLSTATE 3D000)`},
		"no TLS":                 {there + "&sslmode=require", ": the server has no TLS, but sslmode asks for it"},
		"a primary":              {there + "&target_session_attrs=standby", ": the server is not in hot standby mode, and target_session_attrs asks for another"},
		"no standby":             {there + "&target_session_attrs=read-only", ": the connection is not read only, and target_session_attrs asks for another"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := postgres.Queue(c.url)
			if err != nil {
				t.Fatal(err)
			}
			_, err = pgx.ConnectConfig(t.Context(), d.Config("test"))
			if err == nil {
				t.Fatal("it connected")
			}
			if got := postgres.Describe(fmt.Errorf("ask: %w", err)); !strings.HasSuffix(got, c.want) || strings.Contains(got, secret) || strings.Contains(got, "\n") {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if located := d.Locate(err); located != err {
				t.Errorf("named twice: %s", postgres.Describe(located))
			}
		})
	}
	if got := postgres.Describe(fmt.Errorf("ask: %w", context.DeadlineExceeded)); got != "ask: no answer in time" {
		t.Error(got)
	}
	d, err := postgres.Queue(there)
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Locate(errors.New("x")).Error(); got != d.Address()+": x" {
		t.Error(got)
	}
}
