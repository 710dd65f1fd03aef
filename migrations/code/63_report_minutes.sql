CREATE OR REPLACE VIEW tagreport.minutes AS
SELECT m.minute, m.pool, m.kind, m.outcome, m.attempts, m.run_seconds, m.wait_seconds, m.run_counts, m.wait_counts
  FROM tagexec.tag_minutes m;
COMMENT ON VIEW   tagreport.minutes IS 'Attempts that ended, by the minute; half a minute behind, and kept when the attempts are pruned. Ask for a range of minute.';
COMMENT ON COLUMN tagreport.minutes.minute       IS 'Start of the minute.';
COMMENT ON COLUMN tagreport.minutes.pool         IS 'Pool of the attempts.';
COMMENT ON COLUMN tagreport.minutes.kind         IS 'Kind of their jobs.';
COMMENT ON COLUMN tagreport.minutes.outcome      IS 'How they ended.';
COMMENT ON COLUMN tagreport.minutes.attempts     IS 'How many.';
COMMENT ON COLUMN tagreport.minutes.run_seconds  IS 'Sum of the times from started to finished.';
COMMENT ON COLUMN tagreport.minutes.wait_seconds IS 'Sum of the times from due to started.';
COMMENT ON COLUMN tagreport.minutes.run_counts   IS 'How many ran how long: element i counts those of up to 0.001 * 2^((i - 1) / 2) seconds that are longer than those before it; the last, number 49, all that are longer than 3.3 hours.';
COMMENT ON COLUMN tagreport.minutes.wait_counts  IS 'How many waited how long, likewise.';
