-- Four weeks of a nightly DAG as tagexec would have left them: 8 tags a night, some
-- failures of every sort, two reruns by an operator, and a night that is still under way.
-- Everything is told back from now, so that the last day always has a night.
SET timezone = 'UTC';

INSERT INTO tagexec.tag_pools (pool, slots, description) VALUES ('warehouse', 4, 'the warehouse'), ('api', 2, 'the profile API');

INSERT INTO tagexec.tag_executors (id, hostname, pid, version, workers, kinds, lease_seconds, started_at, heartbeat_at, reaped_at) VALUES
    ('00000000-0000-0000-0000-00000000000a', 'exec-a', 11, 'v1', 16, '{sql,command,http}', 3600, now() - interval '28 days', now(), NULL),
    ('00000000-0000-0000-0000-00000000000b', 'exec-b', 12, 'v1', 16, '{sql,command,http}', 30,   now() - interval '28 days', now() - interval '5 days', now() - interval '5 days');

-- night k (0 is the last), tag t, and how its attempts end
CREATE TEMP TABLE plan AS
SELECT row_number() OVER (ORDER BY k DESC, t) AS id, k, t,
       (ARRAY['high_value', 'churn_risk', 'lost', 'loyal', 'champions', 'new_customer', 'at_risk', 'reactivated'])[t + 1] AS tag,
       CASE WHEN t < 4 THEN 'warehouse' WHEN t < 6 THEN 'api' ELSE 'default' END AS pool,
       CASE WHEN t < 4 THEN 'sql' WHEN t < 6 THEN 'http' ELSE 'command' END AS kind,
       1 + t % 2 AS slots,
       now() - k * interval '24 hours' - interval '2 hours' AS queued,
       'nightly:' || to_char(now() - k * interval '24 hours', 'YYYY-MM-DD') AS batch,
       CASE WHEN k = 0 AND t = 7          THEN '{running}'
            WHEN k = 0 AND t = 6          THEN '{pending}'
            WHEN (k * 8 + t) % 41 = 11    THEN '{cancelled}'
            WHEN (k * 8 + t) % 37 = 5     THEN '{failed,failed,failed}'
            WHEN (k + t) % 9 = 0          THEN '{failed,succeeded}'
            WHEN (k + 2 * t) % 17 = 3     THEN '{timed_out,succeeded}'
            WHEN (3 * k + t) % 23 = 1     THEN '{lost,succeeded}'
            WHEN (k + t) % 13 = 2         THEN '{interrupted,succeeded}'
            WHEN (5 * k + t) % 29 = 4     THEN '{succeeded,succeeded}'
            ELSE '{succeeded}'
       END::text[] AS ends
  FROM generate_series(0, 27) k, generate_series(0, 7) t;

INSERT INTO tagexec.tag_batches (batch, dag_id, run_id, task_id, map_index, try_number, logical_date, log_url, due_at, created_at, created_by, submit_count)
SELECT DISTINCT batch, 'nightly_tags', 'scheduled__' || batch, 'submit', -1, 1, date_trunc('day', queued), 'https://airflow.example/log/' || batch,
       queued + interval '12 minutes', queued, 'airflow'::name, 1
  FROM plan;

CREATE TEMP TABLE turn AS
SELECT p.id, p.k, p.t, n::integer AS attempt, o AS outcome,
       p.queued + (n - 1) * interval '10 minutes' AS queued_at,
       p.queued + (n - 1) * interval '10 minutes' + (5 + (p.k * 7 + p.t * 31) % 120) * interval '1 second' AS started_at,
       (20 + 15 * p.t + p.k % 5 * 3) * CASE WHEN p.t = 2 AND p.k <= 1 THEN 3 ELSE 1 END * interval '1 second' AS took
  FROM plan p CROSS JOIN unnest(p.ends) WITH ORDINALITY u (o, n);

INSERT INTO tagexec.tag_jobs (id, tag, kind, pool, slots, batch, biz_date, payload, created_at, created_by, run_at, state, attempt, failures, executor_id, started_at, finished_at,
                              deadline_at, rows_affected, exit_code, result, error_code, error, last_outcome, last_output, last_output_bytes)
OVERRIDING SYSTEM VALUE
SELECT p.id, p.tag, p.kind, p.pool, p.slots, p.batch, p.queued::date - 1, '{"statement": "SELECT 1"}', p.queued, 'airflow', l.queued_at,
       CASE l.outcome WHEN 'timed_out' THEN 'failed' ELSE l.outcome END,
       CASE WHEN l.outcome IN ('pending', 'cancelled') THEN 0 ELSE l.attempt END,
       (SELECT count(*) FROM unnest(p.ends) e WHERE e IN ('failed', 'timed_out', 'lost')),
       CASE WHEN l.outcome NOT IN ('pending', 'cancelled') THEN '00000000-0000-0000-0000-00000000000a'::uuid END,
       CASE WHEN l.outcome NOT IN ('pending', 'cancelled') THEN l.started_at END,
       CASE WHEN l.outcome NOT IN ('pending', 'running') THEN l.started_at + l.took END,
       CASE WHEN l.outcome NOT IN ('pending', 'cancelled') THEN l.started_at + interval '1 day' END,
       CASE WHEN l.outcome = 'succeeded' AND p.kind = 'sql' THEN 1000 * p.t + p.k END,
       CASE WHEN p.kind = 'command' AND l.outcome = 'failed' THEN 1 END, '{"rows": 1}',
       CASE l.outcome WHEN 'failed' THEN CASE WHEN p.t < 4 THEN '40001' ELSE 'exit_status' END WHEN 'cancelled' THEN 'cancelled' END,
       CASE l.outcome WHEN 'failed' THEN 'it did not work' WHEN 'cancelled' THEN 'not needed tonight' END,
       CASE l.outcome WHEN 'failed' THEN 'failed' END,
       CASE WHEN l.outcome IN ('succeeded', 'failed') THEN 'printed' END,
       CASE WHEN l.outcome IN ('succeeded', 'failed') THEN 7 END
  FROM plan p
  JOIN (SELECT DISTINCT ON (id) * FROM turn ORDER BY id, attempt DESC) l ON l.id = p.id
 ORDER BY p.id;

INSERT INTO tagexec.tag_past_attempts (job_id, attempt, executor_id, hostname, queued_at, started_at, finished_at, outcome, rows_affected, error_code, error, output, output_bytes,
                                       tag, kind, pool, slots, batch, biz_date)
SELECT r.id, r.attempt, CASE WHEN r.k > 5 AND r.outcome = 'lost' THEN '00000000-0000-0000-0000-00000000000b' ELSE '00000000-0000-0000-0000-00000000000a' END::uuid,
       CASE WHEN r.k > 5 AND r.outcome = 'lost' THEN 'exec-b' ELSE 'exec-a' END,
       r.queued_at, r.started_at, r.started_at + r.took, r.outcome,
       CASE WHEN r.outcome = 'succeeded' AND r.t < 4 THEN 1000 * r.t + r.k END,
       CASE r.outcome WHEN 'failed' THEN CASE WHEN r.t < 4 THEN '40001' ELSE 'exit_status' END WHEN 'timed_out' THEN 'timeout' WHEN 'lost' THEN 'lost' END,
       CASE r.outcome WHEN 'failed' THEN 'it did not work' WHEN 'timed_out' THEN 'took too long' WHEN 'lost' THEN 'its executor died' END,
       'printed', 7, p.tag, p.kind, p.pool, p.slots, p.batch, p.queued::date - 1
  FROM turn r
  JOIN plan p ON p.id = r.id
 WHERE r.attempt < cardinality(p.ends)
 ORDER BY r.started_at + r.took;

INSERT INTO tagexec.tag_operator_actions (at, by, ui_user, action, job_id, before, after)
SELECT queued + interval '9 minutes', 'ops', 'ada', 'retry_job', id, '{"state": "succeeded"}', '{"state": "pending"}'
  FROM plan WHERE ends = '{succeeded,succeeded}';

SELECT setval('tagexec.tag_jobs_id_seq', max(id)) FROM tagexec.tag_jobs;

-- Somebody's own jobs, without a batch, that nobody takes on: their pool is paused.
INSERT INTO tagexec.tag_pools (pool, slots, paused) VALUES ('lab', 1, true);
INSERT INTO tagexec.tag_jobs (tag, pool, created_at, run_at, created_by)
SELECT 'experiment', 'lab', now() - interval '3 hours', now() + n * interval '1 hour', 'grace' FROM generate_series(-1, 1) n;

DROP TABLE plan, turn;
