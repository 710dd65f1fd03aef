// Package gantt puts the attempts of a batch into slots of executors: the command line
// and the page draw the same.
package gantt
