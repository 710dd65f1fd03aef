package report

// OpenTraced is Open with a tracer of statements.
var OpenTraced = open

// NextWindow is how many jobs a look back looks at next.
var NextWindow = nextWindow
