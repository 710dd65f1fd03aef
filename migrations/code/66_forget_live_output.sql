-- What another executor deletes just now is passed over. Where there is nothing to
-- delete, nothing is written.
CREATE OR REPLACE FUNCTION tagexec.forget_live_output() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DELETE FROM tagexec.tag_output_watches w
 WHERE w.job_id = ANY (ARRAY(SELECT o.job_id FROM tagexec.tag_output_watches o WHERE o.until < now() - interval '1 minute' FOR UPDATE SKIP LOCKED));

WITH shown AS MATERIALIZED (
    SELECT DISTINCT l.job_id, l.attempt, l.executor_id
      FROM tagexec.tag_live_output l
), over AS MATERIALIZED (
    SELECT s.job_id, s.attempt, s.executor_id
      FROM shown s
     WHERE NOT EXISTS (SELECT
                         FROM tagexec.tag_jobs j
                        WHERE j.id = s.job_id AND j.attempt = s.attempt AND j.executor_id = s.executor_id AND j.state = 'running')
       AND NOT EXISTS (SELECT
                         FROM tagexec.tag_job_attempts a
                        WHERE a.job_id = s.job_id AND a.attempt = s.attempt AND a.executor_id = s.executor_id AND a.finished_at > now() - interval '10 minutes')
)
DELETE FROM tagexec.tag_live_output d
 WHERE d.ctid = ANY (ARRAY(SELECT l.ctid
                             FROM over o
                             JOIN tagexec.tag_live_output l ON l.job_id = o.job_id AND l.attempt = o.attempt AND l.executor_id = o.executor_id
                              FOR UPDATE OF l SKIP LOCKED))
$$;
COMMENT ON FUNCTION tagexec.forget_live_output IS 'Internal: deletes the live output of attempts that ended ten minutes ago, and watches that are over. Called by executors.';
