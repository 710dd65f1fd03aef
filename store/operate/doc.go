// Package operate holds what people do to a queue by hand: one verb, one file, the
// statement directly above the function that sends it. What each verb means is in the
// functions of schema tagexec; each leaves an action on record, with the reason and the
// user of an Order. Members of tagexec_operator may do all of it.
package operate
