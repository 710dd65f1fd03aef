CREATE OR REPLACE FUNCTION tagexec.note_pool_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD IS NOT DISTINCT FROM NEW THEN
        RETURN NULL;
    END IF;
    INSERT INTO tagexec.tag_operator_actions (action, pool, before, after)
    VALUES (CASE TG_OP WHEN 'INSERT' THEN 'create_pool' WHEN 'UPDATE' THEN 'change_pool' ELSE 'delete_pool' END,
            CASE TG_OP WHEN 'DELETE' THEN OLD.pool ELSE NEW.pool END,
            CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END,
            CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION tagexec.note_pool_change IS 'Internal: puts a change of a pool on record.';

CREATE OR REPLACE TRIGGER note_pool_change AFTER INSERT OR UPDATE OR DELETE ON tagexec.tag_pools
    FOR EACH ROW EXECUTE FUNCTION tagexec.note_pool_change();
COMMENT ON TRIGGER note_pool_change ON tagexec.tag_pools IS 'Every change of a pool is on record in tag_operator_actions.';
