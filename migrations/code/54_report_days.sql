-- The views by day go from the days to their attempts, not from all attempts to
-- their days: so any condition on day leaves the other days unread, in the zone of
-- whoever asks. How far back is found in steps of eight times as many days, each a
-- probe of the indexes by time; other scans are off because the planner would bet on an
-- early hit, and the last probe has none. ROWS is what is usually asked for, so that the planner
-- prepares for a few days and not for years.
CREATE OR REPLACE FUNCTION tagreport.days() RETURNS SETOF date
LANGUAGE sql STABLE ROWS 3 SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_indexscan = off AS $$
SELECT current_date - n
  FROM generate_series(0, coalesce((SELECT (8 ^ e)::integer
                                      FROM generate_series(0, 5) e
                                     WHERE NOT EXISTS (SELECT FROM tagreport.attempts a WHERE a.finished_at < current_date - (8 ^ e)::integer)
                                     LIMIT 1), 32768)) n
$$;
COMMENT ON FUNCTION tagreport.days IS 'Internal: the days of history, from today back, in the time zone of the session.';
