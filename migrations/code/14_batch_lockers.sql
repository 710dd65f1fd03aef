-- Of whom a row lock is, Postgres does not tell; but who changes a batch holds a lock on
-- the table too, and waits for nothing.
CREATE OR REPLACE FUNCTION tagexec.batch_lockers() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
SELECT tagexec.listed(array_agg(CASE WHEN a.pid IS NULL THEN format('prepared transaction "%s" of %I', x.gid, x.owner)
                                     ELSE format('process %s of %I', a.pid, a.usename) || coalesce(format(' (%s since %s)', a.state, to_char(a.state_change, 'HH24:MI:SS TZ')), '') END
                                ORDER BY a.xact_start, a.pid))
  FROM pg_locks l
  LEFT JOIN pg_stat_activity a ON a.pid = l.pid
  LEFT JOIN pg_locks i ON i.pid IS NULL AND i.virtualtransaction = l.virtualtransaction AND i.locktype = 'transactionid' AND l.pid IS NULL
  LEFT JOIN pg_prepared_xacts x ON x.transaction = i.transactionid
 WHERE l.relation = 'tagexec.batch_locks'::regclass
   AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
   AND l.granted
   AND l.mode = 'RowShareLock'
   AND l.pid IS DISTINCT FROM pg_backend_pid()
   AND (a.pid IS NOT NULL OR x.gid IS NOT NULL)
   AND NOT EXISTS (SELECT FROM pg_locks w WHERE w.pid = l.pid AND NOT w.granted)
$$;
COMMENT ON FUNCTION tagexec.batch_lockers IS 'Internal: the sessions and prepared transactions that hold the lock of some batch, for people; null if there is none.';
