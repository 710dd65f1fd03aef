-- The rules are broken_rule and the CHECKs of tag_jobs, an administrator's among them. An
-- INSERT would name the rule that a row breaks, and not the number of the job.
CREATE OR REPLACE FUNCTION tagexec.refuse_broken_rule(jobs tagexec.submitted_job[]) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    rules text[]; -- column, name and expression of each CHECK
    rule  text[];
    bad   tagexec.submitted_job;
    broke boolean;
BEGIN
    rules := ARRAY(
        SELECT ARRAY[min(a.attname), c.conname::text, pg_get_expr(c.conbin, c.conrelid)]
          FROM pg_constraint c
          JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
         WHERE c.conrelid = 'tagexec.tag_jobs'::regclass AND c.contype = 'c'
         GROUP BY c.oid, c.conname, c.conbin, c.conrelid
        HAVING array_agg(a.attname::text) <@ ARRAY(
                   SELECT s.attname::text FROM pg_attribute s JOIN pg_type t ON t.typrelid = s.attrelid WHERE t.oid = 'tagexec.submitted_job'::regtype)
         ORDER BY c.conname);
    EXECUTE format('SELECT * FROM unnest($1)
                     WHERE NOT (%s)
                        OR tagexec.broken_rule(tag, NULL, biz_date, dedupe_key, slots, priority, timeout_seconds, max_attempts) IS NOT NULL
                     ORDER BY n LIMIT 1',
                   (SELECT string_agg(format('coalesce(%s, true)', rules[i][3]), ' AND ') FROM generate_subscripts(rules, 1) i))
       INTO bad USING jobs;
    IF bad IS NULL THEN
        RETURN;
    END IF;
    rule := tagexec.broken_rule(bad.tag, NULL, bad.biz_date, bad.dedupe_key, bad.slots, bad.priority, bad.timeout_seconds, bad.max_attempts);
    IF rule IS NOT NULL THEN
        PERFORM tagexec.refuse_rule(rule, to_jsonb(bad), format('job %s', bad.n));
    END IF;
    FOREACH rule SLICE 1 IN ARRAY rules LOOP
        EXECUTE format('SELECT NOT (%s) FROM unnest($1)', rule[3]) INTO broke USING ARRAY[bad];
        IF broke THEN
            PERFORM tagexec.refuse_rule(rule, to_jsonb(bad), format('job %s', bad.n));
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION tagexec.refuse_broken_rule IS 'Internal: raises an error that names the first of the jobs that breaks a rule of tag_jobs, and the rule.';
