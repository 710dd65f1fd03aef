CREATE OR REPLACE FUNCTION tagexec.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'tag_operator_actions' AND current_setting('tagexec.pruning_actions', true) = 'on' THEN
        RETURN NULL; -- prune_actions: nobody but the owner of the table may delete anyway
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'restrict_violation', MESSAGE = format('%I is append-only', TG_TABLE_NAME);
END
$$;
COMMENT ON FUNCTION tagexec.refuse_change IS 'Internal: refuses to change an append-only table.';

CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tagexec.tag_operator_actions
    FOR EACH STATEMENT EXECUTE FUNCTION tagexec.refuse_change();
COMMENT ON TRIGGER append_only ON tagexec.tag_operator_actions IS 'The record of operator actions is not changed.';

CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE ON tagexec.tag_past_attempts
    FOR EACH STATEMENT EXECUTE FUNCTION tagexec.refuse_change();
COMMENT ON TRIGGER append_only ON tagexec.tag_past_attempts IS 'An attempt is written once; prune may delete it.';
