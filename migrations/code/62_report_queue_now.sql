-- Cheap enough to be asked every few seconds, whatever waits: it looks at no more than
-- 100,001 jobs of a pool, but once more where they are not due, and at the heads of its
-- lanes. Jobs with a mutex key have an index by key, so their times are read beside their
-- count.
CREATE OR REPLACE VIEW tagreport.queue_now AS
SELECT p.pool,
       least(l.due + k.due, 100001) AS due,
       CASE WHEN l.due > 100000 THEN l.due
            ELSE least(k.pending + (SELECT count(*) FROM (SELECT FROM tagexec.tag_jobs j
                                                           WHERE j.state = 'pending' AND j.mutex_key IS NULL AND j.pool = p.pool LIMIT 100001) c), 100001) END AS pending,
       CASE WHEN coalesce(l.oldest, k.oldest) IS NOT NULL
            THEN greatest(0, extract(epoch FROM now() - least(l.oldest, k.oldest)))::double precision END AS oldest_due_seconds,
       (SELECT coalesce(sum(j.slots), 0) FROM tagexec.tag_jobs j WHERE j.state = 'running' AND j.pool = p.pool) AS used,
       p.slots, p.paused
  FROM tagexec.tag_pools p
 CROSS JOIN LATERAL (
       SELECT (SELECT count(*)
                 FROM (SELECT
                         FROM generate_series(0, 9) n (priority)
                        CROSS JOIN LATERAL (
                              SELECT FROM tagexec.tag_jobs j
                               WHERE j.state = 'pending' AND j.mutex_key IS NULL AND j.pool = p.pool AND j.priority = n.priority AND j.run_at <= now()
                              OFFSET 0) d
                        LIMIT 100001) c) AS due,
              (SELECT min(h.due)
                 FROM generate_series(0, 9) n (priority)
                CROSS JOIN LATERAL (
                      SELECT greatest(j.created_at, j.run_at) AS due
                        FROM tagexec.tag_jobs j
                       WHERE j.state = 'pending' AND j.mutex_key IS NULL AND j.pool = p.pool AND j.priority = n.priority AND j.run_at <= now()
                       ORDER BY j.run_at
                       LIMIT 1) h) AS oldest
       OFFSET 0) l -- else each place that names it counts anew
 CROSS JOIN LATERAL (
       SELECT count(*) AS pending, count(*) FILTER (WHERE d.run_at <= now()) AS due, min(d.run_at) FILTER (WHERE d.run_at <= now()) AS oldest
         FROM (SELECT j.run_at FROM tagexec.tag_jobs j
                WHERE j.state = 'pending' AND j.mutex_key IS NOT NULL AND j.pool = p.pool LIMIT 100001) d) k;
COMMENT ON VIEW   tagreport.queue_now IS 'One row per pool: what waits now, counted to 100,000 at most, so that it may be asked often. tagreport.pools counts all.';
COMMENT ON COLUMN tagreport.queue_now.pool               IS 'Name.';
COMMENT ON COLUMN tagreport.queue_now.due                IS 'Jobs that could start now; 100,001 means more than 100,000.';
COMMENT ON COLUMN tagreport.queue_now.pending            IS 'Jobs that wait, also for their run_at; 100,001 means more than 100,000.';
COMMENT ON COLUMN tagreport.queue_now.oldest_due_seconds IS 'How long the longest waiting of the due jobs has been due; null when none is. Of jobs with a mutex key, since their run_at.';
COMMENT ON COLUMN tagreport.queue_now.used               IS 'Slots that running jobs hold.';
COMMENT ON COLUMN tagreport.queue_now.slots              IS 'Slots that may be in use at the same time; null means no limit.';
COMMENT ON COLUMN tagreport.queue_now.paused             IS 'true: nothing is started from this pool.';
