//go:build engines

package mysql_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/sql/enginetest/mariadb"
)

// balance returns the address of a balancer, behind which one connection after the other
// leads to another server.
func balance(t *testing.T, servers ...string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	t.Cleanup(func() {
		_ = listener.Close()
		work.Wait()
	})
	work.Go(func() {
		for next := 0; ; next++ {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", servers[next%len(servers)])
			if err != nil {
				t.Error(err)
				return
			}
			for from, to := range map[net.Conn]net.Conn{client: server, server: client} {
				work.Go(func() {
					_, _ = io.Copy(to, from)
					_ = to.Close()
				})
			}
		}
	})
	return listener.Addr().String()
}

// Each server has connections with ids of its own.
func TestBehindABalancerACancelEndsItsStatementAndNoOther(t *testing.T) {
	t.Parallel()
	other, err := mariadb.Start(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Stop()
	there, err := other.Database()
	if err != nil {
		t.Fatal(err)
	}
	source, admin := database(t)
	here, _ := url.Parse(source)
	password, _ := here.User.Password()
	for _, statement := range []string{
		"CREATE DATABASE IF NOT EXISTS " + name(source),
		fmt.Sprintf("CREATE OR REPLACE USER %s@'%%' IDENTIFIED BY '%s'", here.User.Username(), password),
		fmt.Sprintf("GRANT ALL ON %s.* TO %s@'%%'", name(source), here.User.Username()),
	} {
		if _, err := other.Admin.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	thereURL, _ := url.Parse(there)
	first := here.Host
	for range 50 { // so that the other server has given no such id yet
		_ = connect(t, here.User, first).Close()
	}
	here.Host = balance(t, first, thereURL.Host)
	s := newSQL(t, here.String())
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := s.Run(ctx, job(statement("SELECT benchmark(1000000000000, md5('balanced'))")))
		ended <- err
	}()
	mine := " FROM information_schema.processlist WHERE info LIKE '%''balanced''%' AND user = '" + name(source) + "_job'"
	for value(t, admin, "SELECT count(*)"+mine) == "0" {
	}
	id := value(t, admin, "SELECT id"+mine)
	bystander := connect(t, here.User, thereURL.Host)
	for value(t, bystander, "SELECT connection_id()") != id {
		_ = bystander.Close()
		bystander = connect(t, here.User, thereURL.Host)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		_, _ = bystander.ExecContext(context.Background(), "/* tagexec 5f0c2a9be771 job=8 attempt=1 tag=t */ SELECT benchmark(1000000000000, md5('x'))")
	}()
	for {
		var n int
		if err := other.Admin.QueryRow("SELECT count(*) FROM information_schema.processlist WHERE info LIKE '%job=8%benchmark%' AND id = " + id).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n == 1 {
			break
		}
	}
	cancelled := time.Now()
	cancel(executor.ErrCancelled)
	if err := <-ended; !errors.Is(err, executor.ErrCancelled) || time.Since(cancelled) > time.Second {
		t.Errorf("got %v after %s", err, time.Since(cancelled))
	}
	select {
	case <-over:
		t.Error("the statement of another job was ended")
	default:
	}
	other.Stop() // and with it the statement
	<-over
}

// connect opens a connection, which is closed with the test.
func connect(t *testing.T, login *url.Userinfo, host string) *sql.Conn {
	t.Helper()
	config := mysql.NewConfig()
	config.User, config.Net, config.Addr, config.Logger = login.Username(), "tcp", host, &mysql.NopLogger{}
	config.Passwd, _ = login.Password()
	connector, err := mysql.NewConnector(config)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxIdleConns(-1) // who closes one closes it
	t.Cleanup(func() { _ = db.Close() })
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return conn
}
