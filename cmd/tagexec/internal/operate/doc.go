// Package operate holds the commands by which people look at a queue and act on it,
// one verb a file. What they ask is in store/report, how they print in
// cmd/internal/listing. What a login may do is decided by the database alone.
package operate
