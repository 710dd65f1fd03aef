-- What a job needs is told from its payload here and in store (claim_text.go,
-- record.go, unavailable.go), which works without the schema's functions.
CREATE OR REPLACE FUNCTION tagexec.missing(unavailable jsonb, kind text, payload jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT u.entry
      FROM jsonb_array_elements(missing.unavailable) u (entry)
     WHERE u.entry ->> 'kind' = missing.kind
       AND (u.entry ->> 'field' = '' OR coalesce(missing.payload ->> (u.entry ->> 'field'), '') ~ ((u.entry ->> 'pattern') COLLATE "C"))
     LIMIT 1
$$;
COMMENT ON FUNCTION tagexec.missing IS 'Internal: the first of an executor''s unavailable resources that a job with this kind and payload needs; null if there is none.';
