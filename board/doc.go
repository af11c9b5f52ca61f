// Package board is what meterd needs of Linux and of the hardware: the
// serial port and the clock. It knows nothing of meters, records or clouds.
package board
