package postgres

import "fmt"

// NoTransactionTimeout returns a statement that takes the server's limit of a whole
// transaction away, which a login or a database may set: for this transaction only
// (local), or for the session. Servers before 17 do not know the limit, and refuse a
// session that names it when it begins.
func NoTransactionTimeout(local bool) string {
	return fmt.Sprintf("SELECT pg_catalog.set_config('transaction_timeout', '0', %t) WHERE pg_catalog.current_setting('transaction_timeout', true) IS NOT NULL", local)
}
