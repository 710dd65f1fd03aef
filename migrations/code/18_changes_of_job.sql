-- A payload of more than 1,000 bytes is told by its length and hash.
CREATE OR REPLACE FUNCTION tagexec.changes_of_job(old jsonb, new jsonb, OUT before jsonb, OUT after jsonb, OUT payload_before jsonb, OUT payload_after jsonb)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
WITH changed AS (
    SELECT k, old -> k AS old, new -> k AS new
      FROM unnest('{tag,kind,payload,biz_date,pool,slots,priority,mutex_key,run_at,timeout_seconds,max_attempts}'::text[]) k
     WHERE old -> k IS DISTINCT FROM new -> k
)
SELECT coalesce((SELECT jsonb_object_agg(k, c.old) FROM changed c WHERE k <> 'payload'), '{}'),
       coalesce((SELECT jsonb_object_agg(k, c.new) FROM changed c WHERE k <> 'payload'), '{}'),
       CASE WHEN p.k IS NULL OR octet_length(p.old::text) <= 1000 THEN p.old
            ELSE to_jsonb(format('%s bytes, sha256 %s', octet_length(p.old::text), encode(sha256(convert_to(p.old::text, 'UTF8')), 'hex'))) END,
       CASE WHEN p.k IS NULL OR octet_length(p.new::text) <= 1000 THEN p.new
            ELSE to_jsonb(format('%s bytes, sha256 %s', octet_length(p.new::text), encode(sha256(convert_to(p.new::text, 'UTF8')), 'hex'))) END
  FROM (SELECT) one
  LEFT JOIN changed p ON p.k = 'payload'
$$;
COMMENT ON FUNCTION tagexec.changes_of_job IS 'Internal: the producer columns in which two jobs differ, as they were and as they become; the payload apart, because not all who read the others may read it.';
