-- Who holds back vacuum of the job table, the oldest first? Many minutes slow down
-- every claim. (It may be you: a long query, or a client that left its transaction
-- open.)
--
--   kind              text              session, replication slot or prepared transaction
--   name              text              process id, name of the slot, identifier of the transaction
--   username          name              database user
--   application_name  text              what the session calls itself
--   state             text              active, idle in transaction, …
--   age_seconds       double precision  since the transaction began
--   age_transactions  integer           transactions begun since
--   query             text              what it runs; others' only for members of pg_read_all_stats
SELECT v.kind, v.name, v.username, v.application_name, v.state, v.age_seconds, v.age_transactions, v.query
  FROM tagreport.vacuum_blockers v
 ORDER BY v.age_transactions DESC, v.age_seconds DESC NULLS LAST;
