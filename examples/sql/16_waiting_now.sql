-- What waits now, and what does its pool have?
--
--   pool                    text              the pool
--   paused                  boolean           nothing is started from it
--   slots                   integer           slots it has; null: no limit
--   used                    bigint            slots in use
--   due                     bigint            jobs that could start now
--   not_yet                 bigint            jobs that wait for their time, or for a retry
--   oldest_pending_seconds  double precision  how long the longest waiting has been due
SELECT p.pool, p.paused, p.slots, p.used, p.due, p.pending - p.due AS not_yet, p.oldest_pending_seconds
  FROM tagreport.pools p
 WHERE p.pending > 0
 ORDER BY p.oldest_pending_seconds DESC NULLS LAST, p.pool;
