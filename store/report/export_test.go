package report

// OpenTraced is Open with a tracer of statements.
var OpenTraced = open
