// Package tool holds the commands that need no daemon: decode, encode, read,
// scan, ring, check and points.
//
// Each owns what it opens for as long as it runs, in the goroutine that calls
// it. None writes to a ring or to a configuration, and none retries what
// changes a meter.
package tool
