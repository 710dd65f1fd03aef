package migrations

import (
	"context"
	"database/sql"
	"errors"
	"maps"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/tagexec/tagexec/store/postgres"
)

// raises is the function of the server in which a notice is made that a migration
// raises, unlike those of the server itself, such as that an index to drop is not there.
const raises = "exec_stmt_raise"

// ownPath is the search_path of our sessions: by a bare name they find the system's
// objects only. Somebody else's now() became the default of a column.
const ownPath = "pg_catalog, pg_temp"

// session are the settings of sessions that migrate, in which those of the login
// and the database change nothing that a migration relies on. What runs outside a
// transaction is in nobody's way, and begins anew when it is cut off: it waits.
var session = map[string]string{
	"statement_timeout":                   "0",
	"lock_timeout":                        "0",
	"idle_session_timeout":                "0",
	"default_transaction_isolation":       "read committed",
	"default_table_access_method":         "heap",
	"client_min_messages":                 "notice",
	"search_path":                         ownPath,
	"idle_in_transaction_session_timeout": "0",
}

// settings are those of our transactions, also in the sessions of a pooler. The timeout
// is shorter than a second, after which Postgres looks for deadlocks: then a migration
// gives way, and no executor does.
const settings = "SET LOCAL search_path = " + ownPath + ";\nSET LOCAL lock_timeout = '500ms';\n"

// open opens the database at url with sessions of that role, "" for the login's, and
// reports whether they are a pooler's, which keeps no setting of a session.
func open(ctx context.Context, url, role string, tell []func(string)) (db *sql.DB, pooled bool, err error) {
	config, err := connConfig(url)
	if err != nil {
		return nil, false, err
	}
	probe, err := postgres.FindPooler(ctx, config, session)
	if err != nil {
		return nil, false, err
	}
	if !probe.Pooled { // else they would stay in a session that others get
		maps.Copy(config.RuntimeParams, probe.Settings)
	}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if n.Routine == raises {
			tellAll(tell, n.Message)
		}
	}
	set := stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		if probe.Pooled || role == "" {
			return nil
		}
		_, err := conn.Exec(ctx, "SET ROLE "+pgx.Identifier{role}.Sanitize())
		return err
	})
	return stdlib.OpenDB(*config, set), probe.Pooled, nil
}

// connConfig is how we connect to the database at url.
func connConfig(url string) (*pgx.ConnConfig, error) {
	database, err := postgres.Queue(url)
	if err != nil {
		return nil, err
	}
	config := database.Config("tagexec migrate")
	config.DefaultQueryExecMode = pgx.QueryExecModeExec // named statements get lost behind a pooler
	return config, nil
}

// inTx runs do in a transaction with our settings.
func inTx(ctx context.Context, db *sql.DB, do func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if _, err := tx.ExecContext(ctx, settings); err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// code returns the SQLSTATE of err, or "".
func code(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

func tellAll(tell []func(string), message string) {
	for _, t := range tell {
		t(message)
	}
}
