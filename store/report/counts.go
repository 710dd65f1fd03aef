package report

// Counts are the jobs of a batch by state. Counting ends somewhere: one more than that
// stands for more, and CountsCapped says so.
type Counts struct {
	Jobs         int  `json:"jobs" db:"-"`
	Pending      int  `json:"pending"`
	Running      int  `json:"running"`
	Succeeded    int  `json:"succeeded"`
	Failed       int  `json:"failed"`
	Cancelled    int  `json:"cancelled"`
	CountsCapped bool `json:"counts_capped" db:"-"`
}

// Settled reports whether nothing is pending or running.
func (c Counts) Settled() bool { return c.Pending+c.Running == 0 }

// sum fills in what follows from counts that ended after most.
func (c *Counts) sum(most int) {
	c.Jobs = c.Pending + c.Running + c.Succeeded + c.Failed + c.Cancelled
	c.CountsCapped = max(c.Pending, c.Running, c.Succeeded, c.Failed, c.Cancelled) > most
}

// countedJobs are the fields of Counts, of a batch b: each is counted in an index alone.
const countedJobs = `
       (SELECT count(*)::int FROM (SELECT FROM tagreport.jobs j WHERE j.batch = b.batch AND j.state = 'pending' LIMIT @most::int + 1) c) AS pending,
       (SELECT count(*)::int FROM (SELECT FROM tagreport.jobs j WHERE j.batch = b.batch AND j.state = 'running' LIMIT @most + 1) c) AS running,
       (SELECT count(*)::int FROM (SELECT FROM tagreport.jobs j WHERE j.batch = b.batch AND j.state = 'succeeded' LIMIT @most + 1) c) AS succeeded,
       (SELECT count(*)::int FROM (SELECT FROM tagreport.jobs j WHERE j.batch = b.batch AND j.state = 'failed' LIMIT @most + 1) c) AS failed,
       (SELECT count(*)::int FROM (SELECT FROM tagreport.jobs j WHERE j.batch = b.batch AND j.state = 'cancelled' LIMIT @most + 1) c) AS cancelled`
