// Package image holds no code of the product. What is flashed is made here:
// the overlay of a root file system, packages, and the ARM machine in software
// that boots the same overlay. Its tests boot that machine; they run when
// METERD_MACHINE names the folder that holds it (make test-machine).
package image
