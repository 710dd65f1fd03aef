-- A retry of the same task brings a new number of its try, and the address of that
-- try's log: this alone is no change.
CREATE OR REPLACE FUNCTION tagexec.changes_of_batch(old jsonb, new jsonb, OUT before jsonb, OUT after jsonb)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
SELECT coalesce(jsonb_object_agg(k, CASE WHEN octet_length(old ->> k) > 1000 THEN to_jsonb(left(old ->> k, 1000)) ELSE old -> k END), '{}'),
       coalesce(jsonb_object_agg(k, CASE WHEN octet_length(new ->> k) > 1000 THEN to_jsonb(left(new ->> k, 1000)) ELSE new -> k END), '{}')
  FROM unnest('{dag_id,run_id,task_id,map_index,logical_date,log_url,due_at,expires_at,cancel_requested_at,cancel_reason}'::text[]) k
 WHERE old -> k IS DISTINCT FROM new -> k
   AND (k <> 'log_url' OR old -> 'try_number' IS NOT DISTINCT FROM new -> 'try_number')
$$;
COMMENT ON FUNCTION tagexec.changes_of_batch IS 'Internal: what two rows of a batch differ in that matters, as it was and as it becomes, texts up to 1,000 characters.';
