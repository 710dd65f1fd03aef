CREATE OR REPLACE FUNCTION tagexec.keep_used_pool() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.pool = OLD.pool THEN
        RETURN NEW;
    END IF;
    IF OLD.pool = 'default' THEN
        RAISE EXCEPTION USING ERRCODE = 'restrict_violation',
            MESSAGE = 'pool "default" stays: jobs that name no pool go there';
    END IF;
    FOR look IN 1..2 LOOP
        IF EXISTS (SELECT FROM tagexec.tag_jobs j WHERE j.pool = OLD.pool AND j.state = 'pending' AND j.mutex_key IS NULL)
        OR EXISTS (SELECT FROM tagexec.tag_jobs j WHERE j.pool = OLD.pool AND j.state = 'pending' AND j.mutex_key IS NOT NULL)
        OR EXISTS (SELECT FROM tagexec.tag_jobs j WHERE j.state = 'running' AND OLD.pool IN (j.pool, j.retry_request ->> 'pool')) THEN
            RAISE EXCEPTION USING ERRCODE = 'restrict_violation',
                MESSAGE = format('pool "%s" still has unfinished jobs', OLD.pool),
                HINT = 'Pause it instead: UPDATE tagexec.tag_pools SET paused = true.';
        END IF;
        -- The second look comes when no insert is under way that the first could not see.
        LOCK TABLE tagexec.tag_jobs IN SHARE MODE;
    END LOOP;
    RETURN coalesce(NEW, OLD);
END
$$;
COMMENT ON FUNCTION tagexec.keep_used_pool IS 'Internal: refuses to delete or rename a pool that unfinished jobs name; they would wait for ever.';

CREATE OR REPLACE TRIGGER keep_used_pool BEFORE DELETE OR UPDATE OF pool ON tagexec.tag_pools
    FOR EACH ROW EXECUTE FUNCTION tagexec.keep_used_pool();
COMMENT ON TRIGGER keep_used_pool ON tagexec.tag_pools IS 'A pool with unfinished jobs is neither deleted nor renamed.';
