package main

import "testing"

// A link on which the answer to the first claim takes twice as long as a statement
// may: claims shrink until they fit, instead of being cut off for ever.
func TestFaultSlowLink(t *testing.T) {
	t.Parallel()
	a := newArena(t)
	jobs := a.sqlJobs(40)
	a.exec(`UPDATE tagexec.tag_jobs SET payload = jsonb_set(payload, '{statement}', to_jsonb(payload ->> 'statement' || ' -- ' || repeat('x', 200000)))`)
	proxy, through := a.proxy()
	proxy.Limit(400_000)
	executor := a.serve(through, "TAGEXEC_WORKERS=40", "TAGEXEC_LEASE=30s")
	a.waitFor("succeeded", jobs)
	proxy.Limit(0)
	a.stop(executor)
	a.check()
}
