// Package demo is the content of `tagexec demo`: real purchases, real tag jobs, nothing that only looks busy.
//
//	data/cdnow.csv.gz ──Load──▶ demo.purchases ──tags/*.sql──▶ demo.user_tags ──followups/*.sql──▶ demo.tag_counts
//
// For each month end from January 1997 to June 1998 there are two batches. The first computes the tags, each job one
// tag from the purchases up to that date, in any order. The second follows when the first has settled, as a
// downstream task would in Airflow: it counts and compares (two SQL jobs that share a mutex key), writes a manifest
// (a command) and publishes a tag (an HTTP call to [Endpoint], which turns exactly one call of the demo away).
package demo
