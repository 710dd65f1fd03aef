// Package doctor looks for what is wrong with the queue in a database, and
// changes nothing. [Diagnose] makes every check of `tagexec doctor`, each with
// what mends a finding. [Violations] is one of them, by itself: the promises
// that can be read from the tables, which tests ask for while jobs run.
package doctor
