package report

const tagWindow = `(SELECT *
          FROM tagreport.jobs w
         WHERE w.tag = @tag::text
           AND w.finished_at <= @at::timestamptz
           AND (w.finished_at < @at OR w.id < @id::bigint)
           AND (@since::timestamptz IS NULL OR w.finished_at >= @since)
         ORDER BY w.finished_at DESC, w.id DESC
         LIMIT @window::int)`

const jobsOfTagSQL = `-- tagexec: list ended jobs of a tag
SELECT ` + jobColumns + `
  FROM ` + tagWindow + ` j` + matches + `
   ORDER BY j.finished_at DESC, j.id DESC
   LIMIT @limit::int`

const boundsOfTagSQL = `-- tagexec: window of ended jobs of a tag
SELECT count(*)::int AS jobs, (array_agg(w.id ORDER BY w.finished_at, w.id))[1] AS id, min(w.finished_at) AS at
  FROM ` + tagWindow + ` w`

// ofTagByEnd is the order of the index of a tag's history, the latest first.
var ofTagByEnd = jobOrder{jobsOfTagSQL, boundsOfTagSQL, true}
