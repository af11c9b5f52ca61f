// Package meter reads electricity meters over a shared line.
//
//	Port ─► Bus ─► Poller ─► sink
//
// A Bus carries one transaction at a time and tells its three failures apart:
// noise, silence, refusal. A Poller turns the points of each meter into the
// fewest requests, runs them in rounds on the wall clock's multiples, and
// hands each round to the sink as one Reading of exact decimals.
//
// The package knows of no store, no cloud and no configuration file.
package meter
