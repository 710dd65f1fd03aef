-- In two parts because the pending jobs have two partial indexes.
CREATE OR REPLACE VIEW tagreport.pools AS
SELECT p.pool, p.slots,
       (SELECT coalesce(sum(j.slots), 0) FROM tagexec.tag_jobs j WHERE j.state = 'running' AND j.pool = p.pool) AS used,
       w.pending, w.due,
       extract(epoch FROM now() - w.oldest)::double precision AS oldest_pending_seconds,
       p.paused, p.description
  FROM tagexec.tag_pools p
 CROSS JOIN LATERAL (
       SELECT count(*)                                        AS pending,
              count(*) FILTER (WHERE q.due <= now())          AS due,
              min(q.due) FILTER (WHERE q.due <= now())        AS oldest
         FROM (SELECT greatest(j.created_at, j.run_at) AS due
                 FROM tagexec.tag_jobs j
                WHERE j.state = 'pending' AND j.mutex_key IS NULL AND j.pool = p.pool
               UNION ALL
               SELECT greatest(j.created_at, j.run_at)
                 FROM tagexec.tag_jobs j
                WHERE j.state = 'pending' AND j.mutex_key IS NOT NULL AND j.pool = p.pool) q) w;
COMMENT ON VIEW   tagreport.pools IS 'One row per pool: what it has, what is used, what waits.';
COMMENT ON COLUMN tagreport.pools.pool                   IS 'Name.';
COMMENT ON COLUMN tagreport.pools.slots                  IS 'Slots that may be in use at the same time; null means no limit.';
COMMENT ON COLUMN tagreport.pools.used                   IS 'Slots that running jobs hold.';
COMMENT ON COLUMN tagreport.pools.pending                IS 'Jobs that wait, also for their run_at.';
COMMENT ON COLUMN tagreport.pools.due                    IS 'Of these the ones that could start now.';
COMMENT ON COLUMN tagreport.pools.oldest_pending_seconds IS 'How long the longest waiting of the due jobs has been due; null when none is.';
COMMENT ON COLUMN tagreport.pools.paused                 IS 'true: nothing is started from this pool.';
COMMENT ON COLUMN tagreport.pools.description            IS 'What the pool protects.';
