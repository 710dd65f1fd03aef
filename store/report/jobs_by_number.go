package report

// The window is a LIMIT of its own: so the planner walks the primary key and stops at
// the last hit, whatever else is asked for.
const jobsByNumberSQL = `-- tagexec: list jobs by number
SELECT ` + jobColumns + `
  FROM (SELECT * FROM tagreport.jobs w WHERE w.id < @id::bigint ORDER BY w.id DESC LIMIT @window::int) j` + matches + `
   ORDER BY j.id DESC
   LIMIT @limit::int`

const boundsByNumberSQL = `-- tagexec: window of jobs by number
SELECT count(*)::int AS jobs, min(w.id) AS id, min(w.created_at) AS at
  FROM (SELECT j.id, j.created_at FROM tagreport.jobs j WHERE j.id < @id::bigint ORDER BY j.id DESC LIMIT @window::int) w`

// byNumber is the order of the primary key, the newest first.
var byNumber = jobOrder{jobsByNumberSQL, boundsByNumberSQL, false}
