CREATE OR REPLACE VIEW tagreport.operator_actions AS
SELECT o.id, o.at, o.by, o.ui_user, o.action, o.job_id, o.batch, o.pool, o.reason,
       o.before - 'payloads' AS before, o.after - 'payloads' AS after,
       o.executor_id, o.bulk_id, o.job_ids, o.filter
  FROM tagexec.tag_operator_actions o;
COMMENT ON VIEW   tagreport.operator_actions IS 'Who cancelled, retried, submitted again or changed what.';
COMMENT ON COLUMN tagreport.operator_actions.id      IS 'Number of the action.';
COMMENT ON COLUMN tagreport.operator_actions.at      IS 'When it was done.';
COMMENT ON COLUMN tagreport.operator_actions.by      IS 'Database user that did it.';
COMMENT ON COLUMN tagreport.operator_actions.ui_user IS 'User of the page or program that did it, as "by" states it.';
COMMENT ON COLUMN tagreport.operator_actions.action  IS 'What was done, e.g. cancel_batch.';
COMMENT ON COLUMN tagreport.operator_actions.job_id  IS 'Job it was done to.';
COMMENT ON COLUMN tagreport.operator_actions.batch   IS 'Batch it was done to.';
COMMENT ON COLUMN tagreport.operator_actions.pool    IS 'Pool it was done to.';
COMMENT ON COLUMN tagreport.operator_actions.reason  IS 'Reason given.';
COMMENT ON COLUMN tagreport.operator_actions.before  IS 'State before; of jobs that were submitted again up to 100 with the columns that changed, by id.';
COMMENT ON COLUMN tagreport.operator_actions.after   IS 'State after, likewise.';
COMMENT ON COLUMN tagreport.operator_actions.executor_id IS 'Executor it was done to (executors.id).';
COMMENT ON COLUMN tagreport.operator_actions.bulk_id IS 'Common to the actions that are parts of one.';
COMMENT ON COLUMN tagreport.operator_actions.job_ids IS 'Jobs that an action on several was done to.';
COMMENT ON COLUMN tagreport.operator_actions.filter  IS 'How these jobs were chosen, as "by" states it.';
