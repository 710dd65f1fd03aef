CREATE OR REPLACE FUNCTION tagexec.cancel_job(id bigint, reason text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    job  record;
    jobs record;
BEGIN
    SELECT * INTO job FROM tagexec.lock_job(cancel_job.id);
    SELECT * INTO jobs FROM tagexec.stop_jobs(ARRAY[cancel_job.id], cancel_job.reason, NULL);
    IF jobs.ended || jobs.stopped = '{}' THEN
        RETURN false;
    END IF;
    INSERT INTO tagexec.tag_operator_actions (action, job_id, reason, before, after)
    VALUES ('cancel_job', cancel_job.id, cancel_job.reason, jsonb_build_object('state', job.state),
            CASE job.state WHEN 'pending' THEN '{"state": "cancelled"}' ELSE '{"asked_to_stop": true}' END::jsonb);
    RETURN true;
END
$$;
COMMENT ON FUNCTION tagexec.cancel_job IS 'Cancels a pending job at once or asks a running one to stop. Returns whether it did.';

CREATE OR REPLACE FUNCTION tagexec.cancel_jobs(ids bigint[], reason text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    jobs record;
    done bigint[];
BEGIN
    PERFORM tagexec.lock_jobs(ids);
    SELECT * INTO jobs FROM tagexec.stop_jobs(ids, cancel_jobs.reason, NULL);
    done := jobs.ended || jobs.stopped;
    IF done <> '{}' THEN
        INSERT INTO tagexec.tag_operator_actions (action, job_ids, reason, before, after)
        VALUES ('cancel_jobs', done, cancel_jobs.reason,
                jsonb_build_object('pending', cardinality(jobs.ended), 'running', cardinality(jobs.stopped)),
                jsonb_build_object('cancelled', cardinality(jobs.ended), 'asked_to_stop', cardinality(jobs.stopped)));
    END IF;
    RETURN cardinality(done);
END
$$;
COMMENT ON FUNCTION tagexec.cancel_jobs IS 'Cancels the pending ones of these jobs at once and asks the running ones to stop. Returns how many it touched. At most 10,000 ids a call; one action on record for all.';
