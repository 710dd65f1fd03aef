package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store/devpg"
	"github.com/tagexec/tagexec/store/postgres"
)

// queueDatabase holds the queue in an embedded server.
const queueDatabase = "tagexec"

// prepareQueue makes sure that the embedded server has a migrated queue, and
// returns its URL.
func prepareQueue(ctx context.Context, server *devpg.Server) (string, error) {
	if err := createDatabase(ctx, server, queueDatabase, ""); err != nil {
		return "", err
	}
	u := server.URL(queueDatabase)
	_, err := migrations.Up(ctx, u)
	return u, err
}

// createDatabase creates a database that does not exist yet, for an owner if
// one is given.
func createDatabase(ctx context.Context, server *devpg.Server, name, owner string) error {
	return withConn(ctx, server.URL("postgres"), func(conn *pgx.Conn) error {
		var exists bool
		err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists)
		if err != nil || exists {
			return err
		}
		sql := "CREATE DATABASE " + pgx.Identifier{name}.Sanitize()
		if owner != "" {
			sql += " OWNER " + pgx.Identifier{owner}.Sanitize()
		}
		_, err = conn.Exec(ctx, sql)
		return err
	})
}

// jobLogin makes sure that a role for SQL jobs exists, which may not read the
// queue, and returns the URL of database for it, with a new password.
func jobLogin(ctx context.Context, server *devpg.Server, role, database string) (string, error) {
	password := rand.Text()
	err := withConn(ctx, server.URL("postgres"), func(conn *pgx.Conn) error {
		var exists bool
		if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", role).Scan(&exists); err != nil {
			return err
		}
		verb := "CREATE"
		if exists {
			verb = "ALTER"
		}
		// A statement that takes no parameters; rand.Text has letters and digits only.
		_, err := conn.Exec(ctx, fmt.Sprintf("%s ROLE %s LOGIN PASSWORD '%s'", verb, pgx.Identifier{role}.Sanitize(), password))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("create the login of SQL jobs: %w", err)
	}
	u, err := url.Parse(server.URL(database))
	if err != nil {
		return "", err
	}
	u.User = url.UserPassword(role, password)
	return u.String(), nil
}

// withConn calls do with a connection to the database at u.
func withConn(ctx context.Context, u string, do func(*pgx.Conn) error) error {
	database, err := postgres.Queue(u)
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, database.Config("tagexec"))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return do(conn)
}
