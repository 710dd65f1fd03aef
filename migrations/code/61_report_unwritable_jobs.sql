-- A damaged page may keep one row from being read: then the others are shown.
CREATE OR REPLACE FUNCTION tagreport.state_of_unwritable_job(id bigint) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT j.state FROM tagexec.tag_jobs j WHERE j.id = state_of_unwritable_job.id AND EXISTS (SELECT FROM tagexec.tag_unwritable_jobs u WHERE u.job_id = j.id));
EXCEPTION WHEN OTHERS THEN
    RETURN 'unreadable';
END
$$;
COMMENT ON FUNCTION tagreport.state_of_unwritable_job IS 'Internal: the state of a job in unwritable_jobs, "unreadable" if it cannot be known, null if there is no such job.';

CREATE OR REPLACE VIEW tagreport.unwritable_jobs AS
SELECT u.job_id, s.state, u.since, u.tried_at, u.error_code, u.error, u.reported_by
  FROM tagexec.tag_unwritable_jobs u
 CROSS JOIN LATERAL (SELECT tagreport.state_of_unwritable_job(u.job_id)) s (state)
 WHERE s.state IS NOT NULL;
COMMENT ON VIEW   tagreport.unwritable_jobs IS 'Jobs whose row Postgres refuses to change, because it is damaged or breaks a rule that came after it. No executor claims them. They are tried again every minute. Nearly always empty.';
COMMENT ON COLUMN tagreport.unwritable_jobs.job_id      IS 'Number of the job.';
COMMENT ON COLUMN tagreport.unwritable_jobs.state       IS 'pending or running, as it was when the row could be written; unreadable if nothing of the row can be read.';
COMMENT ON COLUMN tagreport.unwritable_jobs.since       IS 'When that was found out.';
COMMENT ON COLUMN tagreport.unwritable_jobs.tried_at    IS 'When it was tried last.';
COMMENT ON COLUMN tagreport.unwritable_jobs.error_code  IS 'SQLSTATE of the refusal.';
COMMENT ON COLUMN tagreport.unwritable_jobs.error       IS 'What Postgres said.';
COMMENT ON COLUMN tagreport.unwritable_jobs.reported_by IS 'Database user that found it out.';
