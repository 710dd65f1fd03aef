package bench

// Figures are those of all runs of one variant or baseline: medians where there
// is one number. What was not measured is left out.
type Figures struct {
	JobsPerSecond    *Spread   `json:"jobs_per_second,omitempty"`
	Slices           []float64 `json:"slices,omitempty"` // jobs per second, each slice's median
	SlowestToFastest *Spread   `json:"slowest_to_fastest,omitempty"`
	LastToFirst      *Spread   `json:"last_quarter_to_first,omitempty"`
	Ratio            *Spread   `json:"ratio,omitempty"` // ours to theirs, of the same turn
	Waits            *Waits    `json:"insert_to_start_ms,omitempty"`
	WaitRatio        *Spread   `json:"p50_ratio,omitempty"` // ours to theirs, of the same turn

	RSSBytes       float64 `json:"rss_bytes,omitempty"` // at most, of all processes together
	WALBytesPerJob float64 `json:"wal_bytes_per_job,omitempty"`
	CommitsPerJob  float64 `json:"commits_per_job,omitempty"`
	QueriesPerJob  float64 `json:"queries_per_job,omitempty"`
	ServerCPU      float64 `json:"server_cpu_us_per_job,omitempty"`
	ClientCPU      float64 `json:"client_cpu_us_per_job,omitempty"`
	CPU            *Spread `json:"cpu_us_per_job,omitempty"` // of both

	BytesPerJob      float64 `json:"bytes_per_job_in_flight,omitempty"`
	CPUShare         float64 `json:"cpu_share,omitempty"` // of a core
	QueriesPerSecond float64 `json:"queries_per_second,omitempty"`
	CommitsPerSecond float64 `json:"commits_per_second,omitempty"`
}

// Waits are times from insert to start in ms, over all runs.
type Waits struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// Result is one comparison.
type Result struct {
	Ours   Figures            `json:"ours"`
	Versus map[string]Figures `json:"versus,omitempty"`
	Goals  []Goal             `json:"goals,omitempty"`
}

func newResult(c comparison, runs map[*variant][]run) Result {
	ours := runs[c.ours]
	r := Result{Ours: newFigures(ours, c.flat), Versus: map[string]Figures{}}
	for _, s := range c.baselines {
		f := newFigures(runs[s], c.flat)
		f.Ratio = spread(ratios(each(ours, rateOf), each(runs[s], rateOf)))
		f.WaitRatio = spread(ratios(each(ours, medianWait), each(runs[s], medianWait)))
		r.Versus[s.name] = f
	}
	r.Goals = judge(c.goals, r)
	return r
}

func newFigures(runs []run, flat bool) Figures {
	mid := func(of func(run) float64) float64 { return median(each(runs, of)) }
	f := Figures{
		JobsPerSecond: spread(each(runs, rateOf)),

		RSSBytes:       mid(func(r run) float64 { return r.rss }),
		WALBytesPerJob: mid(func(r run) float64 { return r.wal }),
		CommitsPerJob:  mid(func(r run) float64 { return r.commits }),
		QueriesPerJob:  mid(func(r run) float64 { return r.queries }),
		ServerCPU:      mid(func(r run) float64 { return r.serverCPU }),
		ClientCPU:      mid(func(r run) float64 { return r.clientCPU }),
		CPU:            spread(each(runs, cpuOf)),

		BytesPerJob:      mid(func(r run) float64 { return r.bytesPerJob }),
		CPUShare:         mid(func(r run) float64 { return r.cpuShare }),
		QueriesPerSecond: mid(func(r run) float64 { return r.queriesPerSecond }),
		CommitsPerSecond: mid(func(r run) float64 { return r.commitsPerSecond }),
	}
	if flat {
		f.SlowestToFastest = spread(each(runs, flatness))
		f.LastToFirst = spread(each(runs, evenness))
	}
	for i := range runs[0].slices { // all runs have as many
		f.Slices = append(f.Slices, mid(func(r run) float64 { return r.slices[i] }))
	}
	var waits []float64
	for _, r := range runs {
		waits = append(waits, r.waits...)
	}
	if len(waits) > 0 {
		f.Waits = &Waits{quantile(waits, 0.5), quantile(waits, 0.95), quantile(waits, 0.99), quantile(waits, 1)}
	}
	return f
}

func rateOf(r run) float64 { return r.rate }

func medianWait(r run) float64 { return quantile(r.waits, 0.5) }

// cpuOf is what server and client took together; 0 if one is not known.
func cpuOf(r run) float64 {
	if r.serverCPU == 0 || r.clientCPU == 0 {
		return 0
	}
	return r.serverCPU + r.clientCPU
}

// flatness is the slowest slice in relation to the fastest.
func flatness(r run) float64 {
	if len(r.slices) == 0 {
		return 0
	}
	s := spread(r.slices)
	return s.Min / s.Max
}

// evenness is the last quarter in relation to the first.
func evenness(r run) float64 {
	if len(r.quarters) == 0 {
		return 0
	}
	return r.quarters[len(r.quarters)-1] / r.quarters[0]
}

// each returns one number of every run.
func each(runs []run, of func(run) float64) []float64 {
	list := make([]float64, len(runs))
	for i, r := range runs {
		list[i] = of(r)
	}
	return list
}
