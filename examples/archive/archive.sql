-- A history in partitions of a month, beside the queue: the queue stays small
-- while years can be asked. Run this once, as the owner of the queue's schema:
--
--   psql "$DATABASE_URL" -1 -f examples/archive/archive.sql
--
-- then once a day, before prune takes what is older than RETENTION:
--
--   SELECT tagarchive.archive_day(current_date - 1);
--
-- Repeating a day adds what is missing and no more. A month is dropped with
-- DROP TABLE tagarchive.attempts_2026_01.

CREATE SCHEMA tagarchive;
COMMENT ON SCHEMA tagarchive IS 'Attempts of past days, in partitions of a month of finished_at.';

CREATE TABLE tagarchive.attempts (
    LIKE tagreport.attempts INCLUDING COMMENTS,
    PRIMARY KEY (finished_at, job_id, attempt)
) PARTITION BY RANGE (finished_at);
COMMENT ON TABLE tagarchive.attempts IS 'History: one row per ended attempt, with the columns of tagreport.attempts.';

CREATE FUNCTION tagarchive.archive_day(day date) RETURNS bigint
LANGUAGE plpgsql SET timezone = 'UTC' AS $$
DECLARE
    month  date := date_trunc('month', day);
    part   text := 'attempts_' || to_char(day, 'YYYY_MM');
    copied bigint;
BEGIN
    IF day >= current_date THEN
        RAISE EXCEPTION 'day % is not over (it is one of UTC)', day;
    END IF;
    IF to_regclass('tagarchive.' || part) IS NULL THEN
        EXECUTE format('CREATE TABLE tagarchive.%I PARTITION OF tagarchive.attempts FOR VALUES FROM (%L) TO (%L)',
                       part, month::timestamptz, (month + interval '1 month')::timestamptz);
        EXECUTE format('COMMENT ON TABLE tagarchive.%I IS %L', part, 'Attempts that ended in ' || to_char(day, 'YYYY-MM') || ' (UTC).');
    END IF;
    INSERT INTO tagarchive.attempts
    SELECT *
      FROM tagreport.attempts
     WHERE finished_at >= day::timestamptz
       AND finished_at < (day + 1)::timestamptz
        ON CONFLICT (finished_at, job_id, attempt) DO NOTHING;
    GET DIAGNOSTICS copied = ROW_COUNT;
    RETURN copied;
END
$$;
COMMENT ON FUNCTION tagarchive.archive_day IS 'Copies the attempts that ended on a past day of UTC and are not there yet; returns how many.';

GRANT USAGE ON SCHEMA tagarchive TO tagexec_analyst;
GRANT SELECT ON tagarchive.attempts TO tagexec_analyst;
