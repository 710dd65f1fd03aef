package report

const failedWindow = `(SELECT *
          FROM tagreport.jobs w
         WHERE w.state = 'failed'
           AND (w.finished_at, w.id) < (@at::timestamptz, @id::bigint)
           AND (@since::timestamptz IS NULL OR w.finished_at >= @since)
         ORDER BY w.finished_at DESC, w.id DESC
         LIMIT @window::int)`

const failedJobsSQL = `-- tagexec: list failed jobs
SELECT ` + jobColumns + `
  FROM ` + failedWindow + ` j` + matches + `
   ORDER BY j.finished_at DESC, j.id DESC
   LIMIT @limit::int`

const failedBoundsSQL = `-- tagexec: window of failed jobs
SELECT count(*)::int AS jobs, (array_agg(w.id ORDER BY w.finished_at, w.id))[1] AS id, min(w.finished_at) AS at
  FROM ` + failedWindow + ` w`

// failedByEnd is the order of the index of failed jobs, the latest first.
var failedByEnd = jobOrder{failedJobsSQL, failedBoundsSQL, true}
