CREATE OR REPLACE FUNCTION tagexec.retry_job(id bigint, reason text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    job     record;
    expired jsonb; -- the time that is taken from a batch which had expired
BEGIN
    SELECT * INTO job FROM tagexec.lock_job(retry_job.id);
    IF tagexec.requeue(ARRAY[retry_job.id], '{failed,cancelled,succeeded,pending}') = '{}' THEN
        RETURN false;
    END IF;
    expired := tagexec.unexpire(ARRAY[retry_job.id]);
    INSERT INTO tagexec.tag_operator_actions (at, action, job_id, reason, before, after)
    VALUES (statement_timestamp(), 'retry_job', retry_job.id, retry_job.reason,
            jsonb_build_object('state', job.state, 'failures', job.failures) || CASE WHEN expired IS NULL THEN '{}' ELSE jsonb_build_object('expires_at', expired -> job.batch) END,
            CASE job.state WHEN 'running' THEN '{"pending_after_cancel": true}' ELSE '{"state": "pending"}' END::jsonb
            || CASE WHEN expired IS NULL THEN '{}' ELSE '{"expires_at": null}' END::jsonb);
    RETURN true;
END
$$;
COMMENT ON FUNCTION tagexec.retry_job IS 'Makes a job pending again that has ended, waits out a pause after an attempt, or is being cancelled; a batch that had expired expires no more. Returns whether it did.';

CREATE OR REPLACE FUNCTION tagexec.retry_jobs(ids bigint[], reason text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    were    jsonb; -- state of each job
    done    bigint[];
    expired jsonb;
BEGIN
    PERFORM tagexec.lock_jobs(ids);
    SELECT jsonb_object_agg(j.id, j.state) INTO were FROM tagexec.tag_jobs j WHERE j.id = ANY (ids);
    done := tagexec.requeue(ids, '{failed,cancelled,succeeded,pending}');
    IF done <> '{}' THEN
        expired := tagexec.unexpire(done);
        INSERT INTO tagexec.tag_operator_actions (at, action, job_ids, reason, before, after)
        VALUES (statement_timestamp(), 'retry_jobs', done, retry_jobs.reason,
                (SELECT jsonb_object_agg(s.state, s.n) FROM (SELECT were ->> d::text AS state, count(*) AS n FROM unnest(done) d GROUP BY 1) s)
                || CASE WHEN expired IS NULL THEN '{}' ELSE jsonb_build_object('expires_at', expired) END,
                jsonb_build_object('requeued', cardinality(done)) || CASE WHEN expired IS NULL THEN '{}' ELSE '{"expires_at": null}' END::jsonb);
    END IF;
    RETURN cardinality(done);
END
$$;
COMMENT ON FUNCTION tagexec.retry_jobs IS 'As retry_job for several jobs. Returns how many it touched. At most 10,000 ids a call; one action on record for all.';
