-- Claims and records name none of these columns, and so pay nothing for the rules.
CREATE OR REPLACE FUNCTION tagexec.check_changed_jobs() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    rule text[] := tagexec.broken_rule(NEW.tag, NEW.batch, NEW.biz_date, NEW.dedupe_key, NEW.slots, NEW.priority, NEW.timeout_seconds, NEW.max_attempts);
BEGIN
    IF rule IS NOT NULL THEN
        PERFORM tagexec.refuse_rule(rule, to_jsonb(NEW), 'job ' || NEW.id);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION tagexec.check_changed_jobs IS 'Internal: refuses an update that makes a job break a rule of tag_jobs.';

-- For each row, because one of the statement that names columns is shown no rows. After
-- it, because one before it locks the row.
CREATE OR REPLACE TRIGGER check_changed_jobs
    AFTER UPDATE OF tag, batch, biz_date, dedupe_key, slots, priority, timeout_seconds, max_attempts ON tagexec.tag_jobs
    FOR EACH ROW EXECUTE FUNCTION tagexec.check_changed_jobs();
COMMENT ON TRIGGER check_changed_jobs ON tagexec.tag_jobs IS 'Refuses to change a job to one that an INSERT would refuse.';
