-- The parts of tagexec.attempts, read once each: of all jobs, since one of a tag may never
-- have succeeded.
CREATE OR REPLACE VIEW tagreport.tag_freshness AS
SELECT DISTINCT ON (g.tag)
       g.tag, g.biz_date, g.succeeded_at,
       extract(epoch FROM now() - g.succeeded_at)::double precision AS age_seconds
  FROM (SELECT s.tag, s.biz_date, max(s.succeeded_at) AS succeeded_at
          FROM (SELECT j.tag, CASE WHEN shown THEN j.biz_date END AS biz_date, CASE WHEN shown THEN j.finished_at END AS succeeded_at
                  FROM tagexec.tag_jobs j
                 CROSS JOIN LATERAL (SELECT j.state = 'succeeded' AND NOT j.attempt_is_past) s (shown)
                UNION ALL
                SELECT p.tag, p.biz_date, p.finished_at
                  FROM tagexec.tag_past_attempts p
                 WHERE p.outcome = 'succeeded') s
         GROUP BY s.tag, s.biz_date) g
 ORDER BY g.tag, g.biz_date DESC NULLS LAST, g.succeeded_at DESC NULLS LAST;
COMMENT ON VIEW   tagreport.tag_freshness IS 'One row per tag: the latest business date it was computed for. Reads all jobs.';
COMMENT ON COLUMN tagreport.tag_freshness.tag          IS 'The tag.';
COMMENT ON COLUMN tagreport.tag_freshness.biz_date     IS 'Latest business date with a success; null if it never succeeded, or its jobs name none.';
COMMENT ON COLUMN tagreport.tag_freshness.succeeded_at IS 'When it last succeeded for that date; null if it never did.';
COMMENT ON COLUMN tagreport.tag_freshness.age_seconds  IS 'Since succeeded_at.';
