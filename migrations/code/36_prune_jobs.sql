-- Executors prune with the rights of the owner, so what they may delete is stated here,
-- and not by who asks.
CREATE OR REPLACE FUNCTION tagexec.check_age(age interval) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- As times, and not as intervals, for which each month has 30 days.
    IF now() - age > now() - interval '1 hour' AND NOT has_table_privilege(session_user, 'tagexec.tag_jobs', 'DELETE') THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
            MESSAGE = format('login "%s" may prune what is older than an hour, not what is older than %s', session_user, age),
            HINT = 'The owner of the schema may.';
    END IF;
END
$$;
COMMENT ON FUNCTION tagexec.check_age IS 'Internal: refuses to prune what is younger than an hour, but to a login that may delete jobs anyway.';

-- Jobs are looked through by id, each once: a step that searched from the
-- beginning would walk over what the steps before it deleted. Younger jobs have
-- higher ids, but for some that were inserted at the same time, or while the
-- server's clock was ahead. So the end is reached when a step has no job that is
-- old, or of a time that has not come yet, and the jobs that lie 1, 2, 4 and so on ids
-- beyond it are not old either.
CREATE OR REPLACE FUNCTION tagexec.prune_jobs(age interval, after bigint, most integer, keep_attempts boolean DEFAULT false, OUT deleted bigint, OUT next bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    ids bigint[];
BEGIN
    PERFORM tagexec.check_age(age);
    WITH seen AS MATERIALIZED (
        SELECT j.id, j.created_at
          FROM tagexec.tag_jobs j
         WHERE j.id > after
         ORDER BY j.id
         LIMIT least(most, 2000)
    ), last (id) AS (
        SELECT max(s.id) FROM seen s
    ), old AS MATERIALIZED (
        SELECT j.id
          FROM tagexec.tag_jobs j
         WHERE j.id = ANY (ARRAY(SELECT s.id FROM seen s WHERE s.created_at <= now() - age))
           AND j.finished_at <= now() - age
           AND j.state IN ('succeeded', 'failed', 'cancelled')
         ORDER BY j.id
           FOR UPDATE SKIP LOCKED
    )
    SELECT ARRAY(SELECT o.id FROM old o), CASE
           WHEN EXISTS (SELECT FROM seen s WHERE s.created_at <= now() - age OR s.created_at > now()) THEN l.id
           WHEN EXISTS (SELECT
                          FROM generate_series(0, 40) distance
                         CROSS JOIN LATERAL (SELECT j.created_at FROM tagexec.tag_jobs j WHERE j.id >= l.id + least(1::bigint << distance, 9223372036854775807 - l.id) ORDER BY j.id LIMIT 1) beyond
                         WHERE beyond.created_at <= now() - age) THEN l.id
           END
      INTO ids, next
      FROM last l;
    IF prune_jobs.keep_attempts THEN
        PERFORM tagexec.keep_attempts(ids);
    ELSE
        DELETE FROM tagexec.tag_past_attempts a WHERE a.job_id = ANY (ids);
    END IF;
    DELETE FROM tagexec.tag_jobs j WHERE j.id = ANY (ids);
    GET DIAGNOSTICS deleted = ROW_COUNT;
END
$$;
COMMENT ON FUNCTION tagexec.prune_jobs IS 'Internal: of the next jobs after an id, 2,000 at most, deletes those that finished longer than age ago, with their attempts or, with keep_attempts, without. Returns how many, and the id to go on after; null at the end. Called by executors.';

-- Attempts are looked through by job, as jobs are, and those of a job that is there stay.
CREATE OR REPLACE FUNCTION tagexec.prune_attempts(age interval, after bigint, OUT deleted bigint, OUT next bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    last bigint;
    old  boolean;
BEGIN
    PERFORM tagexec.check_age(age);
    SELECT max(s.job_id), bool_or(s.finished_at <= now() - age) INTO last, old
      FROM (SELECT a.job_id, a.finished_at FROM tagexec.tag_past_attempts a WHERE a.job_id > after ORDER BY a.job_id LIMIT 2000) s;
    DELETE FROM tagexec.tag_past_attempts a
     WHERE a.job_id > after AND a.job_id <= last AND a.finished_at <= now() - age
       AND NOT EXISTS (SELECT FROM tagexec.tag_jobs j WHERE j.id = a.job_id);
    GET DIAGNOSTICS deleted = ROW_COUNT;
    IF old OR EXISTS (SELECT
                        FROM generate_series(0, 40) distance
                       CROSS JOIN LATERAL (SELECT a.finished_at FROM tagexec.tag_past_attempts a
                                            WHERE a.job_id >= last + least(1::bigint << distance, 9223372036854775807 - last) ORDER BY a.job_id LIMIT 1) beyond
                       WHERE beyond.finished_at <= now() - age) THEN
        next := last;
    END IF;
END
$$;
COMMENT ON FUNCTION tagexec.prune_attempts IS 'Internal: of the attempts of the next jobs after an id, about 2,000, deletes those that finished longer than age ago and whose job is gone. Returns how many, and the id to go on after; null at the end. Called by executors.';
