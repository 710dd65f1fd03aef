-- What did people do by hand in the last four weeks?
--
--   at      timestamp with time zone  when
--   who     text                      user of the web page, else database user
--   action  text                      e.g. cancel_batch
--   what    text                      the batch, pool or job
--   reason  text                      reason given
--   before  jsonb                     state before
--   after   jsonb                     state after
SELECT o.at,
       coalesce(o.ui_user, o.by::text) AS who,
       o.action,
       coalesce('batch ' || o.batch, 'pool ' || o.pool, 'job ' || o.job_id) AS what,
       o.reason, o.before, o.after
  FROM tagreport.operator_actions o
 WHERE o.at >= current_date - 27
 ORDER BY o.at DESC, o.id DESC;
