-- Rules about one row alone, for whoever writes what a producer says of a job. As CHECKs of
-- the table, every claim and every record read and tried them again: a quarter of what an
-- update of one row cost. Three are CHECKs: of run_at, because executors write it; of
-- payload and mutex_key, because so each write of a job finds out that these are damaged.
-- The planner puts this expression in the place of the call.
CREATE OR REPLACE FUNCTION tagexec.broken_rule(tag text, batch text, biz_date date, dedupe_key text, slots integer, priority smallint,
                                               timeout_seconds integer, max_attempts smallint) RETURNS text[]
LANGUAGE sql IMMUTABLE
RETURN CASE WHEN char_length(tag) NOT BETWEEN 1 AND 200        THEN '{tag,tag_jobs_tag_has_1_to_200_characters}'::text[]
            WHEN char_length(batch) NOT BETWEEN 1 AND 500      THEN '{batch,tag_jobs_batch_has_1_to_500_characters}'
            WHEN NOT isfinite(biz_date)                        THEN '{biz_date,tag_jobs_biz_date_is_finite}'
            WHEN char_length(dedupe_key) NOT BETWEEN 1 AND 500 THEN '{dedupe_key,tag_jobs_dedupe_key_has_1_to_500_characters}'
            WHEN slots < 1                                     THEN '{slots,tag_jobs_slots_at_least_1}'
            WHEN priority NOT BETWEEN 0 AND 9                  THEN '{priority,tag_jobs_priority_from_0_to_9}'
            WHEN timeout_seconds < 1                           THEN '{timeout_seconds,tag_jobs_timeout_seconds_positive}'
            WHEN max_attempts NOT BETWEEN 1 AND 100            THEN '{max_attempts,tag_jobs_max_attempts_from_1_to_100}'
       END;
COMMENT ON FUNCTION tagexec.broken_rule IS 'Internal: the column and the name of the first rule of tag_jobs that a job with these values breaks; null if it breaks none.';

CREATE OR REPLACE FUNCTION tagexec.refuse_rule(rule text[], job jsonb, who text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'check_violation', SCHEMA = 'tagexec', TABLE = 'tag_jobs', COLUMN = rule[1], CONSTRAINT = rule[2],
        MESSAGE = format('%s (tag "%s"): %s is %s, which breaks the rule %s', who, left(job ->> 'tag', 200), rule[1], left((job -> rule[1])::text, 80), rule[2]);
END
$$;
COMMENT ON FUNCTION tagexec.refuse_rule IS 'Internal: raises the error that names the rule that a job breaks, and its value; who begins the message.';
