// Package board is what meterd needs of Linux and of the hardware: serial
// ports, the clock, the watchdog, USB sticks, an LED, the pin of the power
// supply, files that survive power cuts. It knows nothing of meters, records
// or clouds.
package board
