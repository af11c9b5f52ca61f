package board

import (
	"fmt"
	"strings"
)

// Mark stands beside the state, apart from the ring: which board the ring is at
// work on, and how far its numbers have come. It tells a copy, and a ring that
// was put back from a backup.
type Mark struct {
	Board string // HardwareID; "" where there is none
	Ring  string // the ring's identity in hex; "" where none is known
	Last  uint64 // the last number that was durable then, or that an unclean end has skipped
	Held  uint64 // the last number that stood in the ring then; 0: not known
}

// mostMark bounds the file of a mark in bytes.
const mostMark = 64 << 10

// ReadMark reads a mark, the zero one if there is none.
func ReadMark(file string) (m Mark) {
	b, err := ReadFile(file, mostMark)
	if err != nil {
		return m
	}
	first, second, _ := strings.Cut(string(b), "\n")
	m.Board = strings.TrimSpace(first)
	if n, _ := fmt.Sscan(second, &m.Ring, &m.Last, &m.Held); n < 2 { // earlier programs wrote two
		m.Ring, m.Last = "", 0
	}
	return m
}

// WriteMark writes a mark durably.
func WriteMark(file string, m Mark) error {
	return WriteFile(file, fmt.Appendf(nil, "%s\n%s %d %d\n", m.Board, m.Ring, m.Last, m.Held), 0o600)
}
