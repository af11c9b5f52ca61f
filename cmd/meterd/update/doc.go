// Package update takes another program into a board, so that the board works
// whatever becomes of it: from a signed file, into the slot that does not run,
// on trial, until it has proved itself or the one before runs again with the
// configuration of its time.
//
// It decides what may be written and what has proved itself; where slots are
// and how they start is behind Slots. It opens no connection and listens to
// none.
package update
