// Package lineedit edits a line on a terminal: keys go in as bytes, what the
// terminal is to be sent comes out as bytes. It does no I/O of its own.
//
// golang.org/x/term has an editor too. It takes each rune for one column, so
// that Chinese text is overwritten, and a byte that is no UTF-8, as a noisy
// serial line gives, stops it for ever; hence this one.
//
// A line never wraps. What does not fit into the row is scrolled sideways, and
// only the columns that differ are sent: at 9600 baud a byte takes 1 ms.
package lineedit
