package doctor

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// The view has no time for a replication slot: its age in transactions decides.
const horizonSQL = `-- tagexec: diagnose vacuum_horizon
SELECT 'finding',
       format('%s %s%s holds back vacuum of the queue%s', b.kind, b.name,
              coalesce(format(' (%s)', nullif(concat_ws(', ', 'user ' || b.username, nullif(b.application_name, ''), b.state), '')), ''),
              coalesce(' since ' || date_trunc('second', b.since), format(', for %s transactions', b.age_transactions)))
           || coalesce(': ' || nullif(left(regexp_replace(b.query, '\s+', ' ', 'g'), 200), ''), ''),
       CASE b.kind WHEN 'session' THEN format('End it: SELECT pg_terminate_backend(%s), and give its user an idle_in_transaction_session_timeout and a statement_timeout.', b.name)
                   WHEN 'prepared transaction' THEN format('COMMIT PREPARED %L or ROLLBACK PREPARED %1$L.', b.name)
                   ELSE format('Let its standby catch up or turn off its hot_standby_feedback; if nobody uses the slot any more: SELECT pg_drop_replication_slot(%L).', b.name) END
  FROM tagreport.vacuum_blockers b
 WHERE b.age_seconds > $1::double precision
    OR b.age_seconds IS NULL AND (b.age_transactions > 100000 OR b.state = 'inactive')
 ORDER BY b.age_transactions DESC NULLS LAST
 LIMIT 20`

func checkHorizon(ctx context.Context, t *target, tx pgx.Tx) ([]Diagnosis, error) {
	return collect(tx.Query(ctx, horizonSQL, t.maxAge.Seconds()))
}

// The settings are those of the migrations. Dead rows beyond ten times the
// threshold of autovacuum mean that it does not keep up.
const autovacuumSQL = `
WITH wanted (relation, setting) AS (
    VALUES ('tag_jobs', '{autovacuum_vacuum_scale_factor=0,autovacuum_vacuum_threshold=5000,autovacuum_vacuum_cost_delay=0,vacuum_truncate=false,fillfactor=50}'::text[]),
           ('tag_executors', '{autovacuum_vacuum_scale_factor=0,autovacuum_vacuum_threshold=500,fillfactor=50}')
), ours AS (
    SELECT c.oid, c.relname, coalesce(c.reloptions, '{}') AS options
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = 'tagexec' AND c.relkind = 'r'
)
SELECT 'finding', format('autovacuum is off on the whole server%s', CASE WHEN current_setting('track_counts')::boolean THEN '' ELSE ', and so is track_counts, without which it is blind' END),
       'ALTER SYSTEM SET autovacuum = on, and SELECT pg_reload_conf().'
 WHERE NOT current_setting('autovacuum')::boolean
UNION ALL
SELECT 'finding', 'track_counts is off: without it autovacuum does not know what to do', 'ALTER SYSTEM SET track_counts = on, and SELECT pg_reload_conf().'
 WHERE current_setting('autovacuum')::boolean AND NOT current_setting('track_counts')::boolean
UNION ALL
SELECT 'finding', format('autovacuum is turned off for tagexec.%s', o.relname), format('ALTER TABLE tagexec.%s RESET (autovacuum_enabled).', o.relname)
  FROM ours o
 WHERE 'autovacuum_enabled=false' = ANY (o.options) OR 'autovacuum_enabled=off' = ANY (o.options)
UNION ALL
SELECT 'finding', format('tagexec.%s has lost settings that keep claims fast: %s', o.relname, string_agg(s, ', ' ORDER BY s)),
       format('ALTER TABLE tagexec.%s SET (%s).', o.relname, string_agg(s, ', ' ORDER BY s))
  FROM wanted w
  JOIN ours o ON o.relname = w.relation
 CROSS JOIN unnest(w.setting) s
 WHERE s <> ALL (o.options)
 GROUP BY o.relname
UNION ALL
SELECT 'finding', format('tagexec.%s has %s dead rows beside %s living ones; the last vacuum was %s', s.relname, s.n_dead_tup, s.n_live_tup,
                         coalesce(date_trunc('second', greatest(s.last_vacuum, s.last_autovacuum))::text, 'never')),
       format('VACUUM tagexec.%s; if the dead rows stay, something holds back vacuum (vacuum_horizon).', s.relname)
  FROM pg_stat_all_tables s
 WHERE s.schemaname = 'tagexec'
   AND s.n_dead_tup > 50000 + 0.2 * s.n_live_tup
UNION ALL
SELECT 'info', format('tag_jobs: %s dead rows beside %s living ones, last vacuum %s', s.n_dead_tup, s.n_live_tup,
                      coalesce(date_trunc('second', greatest(s.last_vacuum, s.last_autovacuum))::text, 'never')), ''
  FROM pg_stat_all_tables s
 WHERE s.schemaname = 'tagexec' AND s.relname = 'tag_jobs'`
