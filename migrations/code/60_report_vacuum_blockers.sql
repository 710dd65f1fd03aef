-- Who holds an old snapshot and since when is harmless to tell, and told with the
-- owner's rights. What it runs is not: the statement of a SQL job is its payload. So
-- the text is read with the rights of whoever asks, by the rule of Postgres: one's own
-- sessions, and all of them for a member of pg_read_all_stats. If the owner is neither
-- superuser nor such a member, state and since of other users are null; user and
-- age_transactions are always there.
CREATE OR REPLACE FUNCTION tagreport.snapshot_sessions(OUT pid integer, OUT username name, OUT application_name text, OUT state text, OUT since timestamptz, OUT age_transactions integer)
RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
SELECT s.pid, s.usename, s.application_name, s.state, s.xact_start, greatest(age(s.backend_xid), age(s.backend_xmin))
  FROM pg_stat_activity s
 WHERE (s.backend_xid IS NOT NULL OR s.backend_xmin IS NOT NULL)
   AND (s.datname = current_database() OR s.backend_type = 'walsender')        -- a standby's feedback; other databases do not matter
   AND s.leader_pid IS NULL                                                   -- workers use their leader's snapshot
   AND s.pid <> pg_backend_pid()
   AND NOT EXISTS (SELECT FROM pg_stat_progress_vacuum v WHERE v.pid = s.pid) -- vacuums do not wait for each other
$$;
COMMENT ON FUNCTION tagreport.snapshot_sessions IS 'Internal: sessions whose snapshot holds back vacuum in this database.';

CREATE OR REPLACE VIEW tagreport.vacuum_blockers AS
SELECT 'session' AS kind, s.pid::text AS name, s.username, s.application_name, s.state, s.since,
       extract(epoch FROM now() - s.since)::double precision AS age_seconds, s.age_transactions,
       (SELECT q.query FROM pg_catalog.pg_stat_activity q WHERE q.pid = s.pid) AS query
  FROM tagreport.snapshot_sessions() s
UNION ALL
SELECT 'replication slot', r.slot_name::text, NULL, NULL, CASE WHEN r.active THEN 'active' ELSE 'inactive' END, NULL,
       NULL, age(r.xmin), NULL
  FROM pg_catalog.pg_replication_slots r
 WHERE r.xmin IS NOT NULL -- a catalog_xmin holds back only the catalogs
UNION ALL
SELECT 'prepared transaction', p.gid, p.owner, NULL, 'prepared', p.prepared,
       extract(epoch FROM now() - p.prepared)::double precision, age(p.transaction), NULL
  FROM pg_catalog.pg_prepared_xacts p
 WHERE p.database = current_database();
COMMENT ON VIEW   tagreport.vacuum_blockers IS 'What keeps vacuum from removing dead rows of the job table, which slows down every claim: whatever is many minutes old. Other sessions'' query text needs a grant of pg_read_all_stats.';
COMMENT ON COLUMN tagreport.vacuum_blockers.kind             IS 'session, replication slot or prepared transaction.';
COMMENT ON COLUMN tagreport.vacuum_blockers.name             IS 'Process id of the session, name of the slot, identifier of the transaction.';
COMMENT ON COLUMN tagreport.vacuum_blockers.username         IS 'Database user.';
COMMENT ON COLUMN tagreport.vacuum_blockers.application_name IS 'What the session calls itself.';
COMMENT ON COLUMN tagreport.vacuum_blockers.state            IS 'Session: active, idle in transaction and so on; slot: active or inactive; null if the views'' owner may not see it.';
COMMENT ON COLUMN tagreport.vacuum_blockers.since            IS 'Start of the transaction; null for a slot, or if the views'' owner may not see it.';
COMMENT ON COLUMN tagreport.vacuum_blockers.age_seconds      IS 'Since then.';
COMMENT ON COLUMN tagreport.vacuum_blockers.age_transactions IS 'Transactions begun since: dead rows of these have to stay.';
COMMENT ON COLUMN tagreport.vacuum_blockers.query            IS 'What the session runs or ran last: your own; others'' for members of pg_read_all_stats.';
