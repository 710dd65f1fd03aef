package demo

import "testing"

// A stand-in for the executor: every job of 1997-01-31 succeeds after two seconds, but publish_tags on the second
// attempt only. Triggers are off because the table refuses what did not come by way of a claim.
const pretendSQL = `
SET session_replication_role = replica;
UPDATE tagexec.tag_jobs
SET state = 'succeeded',
    attempt = CASE tag WHEN 'publish_tags' THEN 2 ELSE 1 END,
    executor_id = gen_random_uuid(),
    started_at = now() + CASE tag WHEN 'publish_tags' THEN interval '2 seconds' ELSE '0' END,
    finished_at = now() + CASE tag WHEN 'publish_tags' THEN interval '4 seconds' ELSE '2 seconds' END
WHERE biz_date = '1997-01-31';
INSERT INTO tagexec.tag_past_attempts (job_id, attempt, executor_id, hostname, queued_at, started_at, finished_at, outcome, exit_code, error_code, error)
SELECT j.id, n, j.executor_id, 'here', now(), now() + (n - 1) * interval '2 seconds', now() + n * interval '2 seconds',
       'failed', 503, 'http_status', '503 Service Unavailable'
FROM tagexec.tag_jobs j
CROSS JOIN LATERAL generate_series(1, j.attempt - 1) n
WHERE j.biz_date = '1997-01-31';
INSERT INTO tagexec.tag_jobs (tag, payload) VALUES ('not the demo''s', '{}')`

func TestSummaryCountsTheDemosJobsOnly(t *testing.T) {
	t.Parallel()
	conn := submitted(t)
	ctx := t.Context()
	if totals, err := RunTotals(ctx, conn); err != nil || totals != (RunTotal{}) {
		t.Errorf("before any attempt: %+v, %v", totals, err)
	}
	if _, err := conn.Exec(ctx, pretendSQL); err != nil {
		t.Fatal(err)
	}

	states, err := StateCounts(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	if len(states) != 2 || states[0] != (StateCount{"pending", 17 * 17}) || states[1] != (StateCount{"succeeded", 17}) {
		t.Errorf("states are %+v", states)
	}

	totals, err := RunTotals(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	if totals != (RunTotal{Attempts: 18, RunSeconds: 36}) {
		t.Errorf("totals are %+v", totals)
	}

	retried, err := RetriedAttempts(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	if len(retried) != 2 {
		t.Fatalf("retried attempts are %+v", retried)
	}
	first, second := retried[0], retried[1]
	if first.Tag != "publish_tags" || first.Attempt != 1 || first.Outcome != "failed" || first.ExitCode == nil || *first.ExitCode != 503 {
		t.Errorf("first attempt is %+v", first)
	}
	if second.Attempt != 2 || second.Outcome != "succeeded" || second.State != "succeeded" || second.Error != nil || second.RunSeconds != 2 {
		t.Errorf("second attempt is %+v", second)
	}
}
