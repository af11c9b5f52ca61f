//go:build !sabotage

package store

// What a test breaks on purpose, to show that the checks see it: built with
// the tag sabotage these are variables.
const (
	skipCRC     = false // believe any frame
	skipSync    = false // do not sync
	reuseNumber = false // go on after the last frame, whatever was reserved
)
