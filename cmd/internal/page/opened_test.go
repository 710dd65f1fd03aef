package page

import (
	"maps"
	"slices"
	"time"
)

// What tests of the page ask it beside what a visitor can.

// Routes returns the patterns of all routes.
func Routes() []string { return slices.Sorted(maps.Keys(new(Page).handlers())) }

// AssetName returns what a file that pages load is called in links.
func AssetName(file string) string { return assetNames[file] }

// Deeds returns the names of all deeds.
func Deeds() []string { return slices.Sorted(maps.Keys(deeds)) }

// Forget makes the page ask again for what it knows, rights too.
func (p *Page) Forget() {
	p.shared.forget()
	p.seats.mu.Lock()
	defer p.seats.mu.Unlock()
	for level, last := range p.seats.known {
		last.until = time.Time{}
		p.seats.known[level] = last
	}
}
