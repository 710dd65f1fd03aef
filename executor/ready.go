package executor

// NotReady says why no job is claimed just now, or "" while the executor is in
// contact with the database. It may be called at any time.
func (p *Pool) NotReady() string {
	select {
	case <-p.stopping:
		return "shutting down"
	default:
	}
	switch {
	case p.id.Load() == nil:
		return "not registered yet"
	case !p.lease.trusted():
		return "no contact with the database for most of the lease"
	}
	return ""
}
