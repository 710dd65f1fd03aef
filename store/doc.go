// Package store holds every statement the system runs: one verb, one file, the
// SQL directly above the function that runs it. It imports nothing of ours.
//
// # Guarantees
//
//   - A job is claimed by one executor at a time. Every later write for that
//     claim is fenced by (id, attempt, executor_id): a write of an abandoned
//     claim changes nothing and says so.
//   - Slots of a pool are counted from the running rows under a lock of the
//     pool, in a statement whose snapshot is newer than the lock; they are kept
//     in no counter that could leak.
//   - A mutex key is guarded by a unique index over the running rows.
//   - Statements that touch several rows lock them in id order, so they cannot
//     deadlock with each other.
//   - Only the database's clock is compared with times in the database.
//
// State names are literals in the SQL: with a parameter a generic plan would
// ignore the partial indexes and scan the table.
package store
