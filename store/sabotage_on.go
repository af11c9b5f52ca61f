//go:build sabotage

package store

import "os"

// A program that is built with the tag is told by its environment what to
// break.
var (
	skipCRC     = os.Getenv("STORE_SABOTAGE") == "crc"
	skipSync    = os.Getenv("STORE_SABOTAGE") == "sync"
	reuseNumber = os.Getenv("STORE_SABOTAGE") == "number"
)
