package store

import "time"

// scan is when a scan ended, and what it cost.
type scan struct {
	at   time.Time
	cost time.Duration
}

const (
	// scanInterval is the time between scans under load.
	scanInterval = 2 * time.Second
	// Scans may take a twentieth of the time, but none is put off for longer than scanMax.
	scanShare = 20
	scanMax   = 30 * time.Second
	// lateCommit is how old a row may be when it becomes visible and still be found at once.
	lateCommit = 5 * time.Second
)

// paid reports whether the time since the scan makes up for its cost.
func (s scan) paid() bool {
	return s.at.IsZero() || time.Since(s.at) >= min(scanShare*s.cost, scanMax)
}

// pace decides when to scan.
type pace struct {
	whole  scan // the last scan from the beginning of all lanes
	latest scan // the last scan of either kind
	short  bool // the last claim came back short, and no scan preceded it
}

// scanned notes a scan that began at that time and has just ended.
func (p *pace) scanned(began time.Time, whole bool) {
	p.latest = scan{time.Now(), time.Since(began)}
	if whole {
		p.whole = p.latest
	}
	p.short = false
}

// renew makes the next claim scan from the beginning.
func (p *pace) renew() { p.whole, p.short = scan{}, true }

// must reports whether a scan must precede the next claim.
func (p *pace) must(nothingKnown bool) bool {
	return nothingKnown || (p.short || time.Since(p.latest.at) >= scanInterval) && p.may()
}

// may reports whether a scan is not too dear now.
func (p *pace) may() bool { return p.whole.paid() || p.latest.paid() }
