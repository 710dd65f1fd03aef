package page

import (
	"maps"
	"slices"
)

// What tests of the page ask it beside what a visitor can.

// Routes returns the patterns of all routes.
func Routes() []string { return slices.Sorted(maps.Keys(new(Page).handlers())) }

// AssetName returns what a file that pages load is called in links.
func AssetName(file string) string { return assetNames[file] }

// Deeds returns the names of all deeds.
func Deeds() []string { return slices.Sorted(maps.Keys(deeds)) }
