package executor

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// NotReady returns why no job is claimed just now, or "" while the executor is in
// contact with the database and can run any kind of job.
func (p *Pool) NotReady() string {
	select {
	case <-p.stopping:
		return "shutting down"
	default:
	}
	switch {
	case p.session.Load() == nil:
		return "not registered yet"
	case !p.lease.trusted():
		return "no contact with the database for most of the lease"
	}
	return p.unable()
}

// unable returns why jobs of no kind can run here, or "".
func (p *Pool) unable() string {
	why := map[string]string{}
	for _, u := range p.Unavailable() {
		if u.Field == "" {
			why[u.Kind] = fmt.Sprintf("no %s job can run here: %s", u.Kind, u.Error)
		}
	}
	if len(why) < len(p.config.Runners) {
		return ""
	}
	return strings.Join(slices.Sorted(maps.Values(why)), "; ")
}
