CREATE OR REPLACE VIEW tagreport.tag_freshness AS
SELECT DISTINCT ON (g.tag)
       g.tag, g.biz_date, g.succeeded_at,
       extract(epoch FROM now() - g.succeeded_at)::double precision AS age_seconds
  FROM (SELECT s.tag, s.biz_date, max(s.succeeded_at) AS succeeded_at
          FROM (SELECT a.tag, a.biz_date, a.finished_at AS succeeded_at
                  FROM tagexec.attempts a
                 WHERE a.outcome = 'succeeded'
                UNION ALL
                SELECT j.tag, NULL, NULL -- it may never have succeeded
                  FROM tagexec.tag_jobs j
                 WHERE j.state <> 'succeeded') s
         GROUP BY s.tag, s.biz_date) g
 ORDER BY g.tag, g.biz_date DESC NULLS LAST, g.succeeded_at DESC NULLS LAST;
COMMENT ON VIEW   tagreport.tag_freshness IS 'One row per tag: the latest business date it was computed for. Reads all jobs.';
COMMENT ON COLUMN tagreport.tag_freshness.tag          IS 'The tag.';
COMMENT ON COLUMN tagreport.tag_freshness.biz_date     IS 'Latest business date with a success; null if it never succeeded, or its jobs name none.';
COMMENT ON COLUMN tagreport.tag_freshness.succeeded_at IS 'When it last succeeded for that date; null if it never did.';
COMMENT ON COLUMN tagreport.tag_freshness.age_seconds  IS 'Since succeeded_at.';
