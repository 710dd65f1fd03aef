CREATE OR REPLACE VIEW tagreport.operator_actions AS
SELECT o.id, o.at, o.by, o.ui_user, o.action, o.job_id, o.batch, o.pool, o.reason,
       o.before - 'payloads' AS before, o.after - 'payloads' AS after
  FROM tagexec.tag_operator_actions o;
COMMENT ON VIEW   tagreport.operator_actions IS 'Who cancelled, retried, submitted again or changed what.';
COMMENT ON COLUMN tagreport.operator_actions.id      IS 'Number of the action.';
COMMENT ON COLUMN tagreport.operator_actions.at      IS 'When it was done.';
COMMENT ON COLUMN tagreport.operator_actions.by      IS 'Database user that did it.';
COMMENT ON COLUMN tagreport.operator_actions.ui_user IS 'User of the web page, if it was done there.';
COMMENT ON COLUMN tagreport.operator_actions.action  IS 'What was done, e.g. cancel_batch.';
COMMENT ON COLUMN tagreport.operator_actions.job_id  IS 'Job it was done to.';
COMMENT ON COLUMN tagreport.operator_actions.batch   IS 'Batch it was done to.';
COMMENT ON COLUMN tagreport.operator_actions.pool    IS 'Pool it was done to.';
COMMENT ON COLUMN tagreport.operator_actions.reason  IS 'Reason given.';
COMMENT ON COLUMN tagreport.operator_actions.before  IS 'State before; of jobs that were submitted again up to 100 with the columns that changed, by id.';
COMMENT ON COLUMN tagreport.operator_actions.after   IS 'State after, likewise.';
