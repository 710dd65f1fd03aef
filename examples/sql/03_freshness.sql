-- How fresh is each tag, the stalest first?
--
--   tag           text                      the tag
--   biz_date      date                      latest business date it was computed for
--   succeeded_at  timestamp with time zone  when; null if never
--   days_behind   integer                   days from the latest business date of any tag to this one's
SELECT f.tag, f.biz_date, f.succeeded_at,
       max(f.biz_date) OVER () - f.biz_date AS days_behind
  FROM tagreport.tag_freshness f
 ORDER BY f.succeeded_at NULLS FIRST, f.tag;
