package postgres

// NoTransactionTimeout is a statement that takes the server's limit of a whole transaction
// away for the present one, where a pooler keeps no setting of a session. A login or a
// database may set the limit; servers before 17 do not know it.
const NoTransactionTimeout = "SELECT pg_catalog.set_config('transaction_timeout', '0', true) WHERE pg_catalog.current_setting('transaction_timeout', true) IS NOT NULL"
