//go:build sabotage

package store

var skipCRC, skipSync, reuseNumber bool
