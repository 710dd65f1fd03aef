// Package shield keeps what a process holds from other processes of its user,
// as far as the kernel allows. Each function is best effort, and meant for the
// beginning of a program, before it has started others.
package shield
