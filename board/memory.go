package board

import (
	"bufio"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
)

const (
	// The collector is asked to keep to a quarter of the board's memory, within
	// these bounds. It works harder before it takes more; nothing fails there.
	memoryShare = 4
	leastMemory = 24 << 20
	mostMemory  = 256 << 20
)

// LimitMemory sets the collector's limit by the memory of the board, unless
// GOMEMLIMIT says otherwise. It gives the limit in bytes, 0 if none was set.
func LimitMemory() int64 {
	if os.Getenv("GOMEMLIMIT") != "" {
		return 0
	}
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0
	}
	defer f.Close()
	limit := memoryLimit(f)
	if limit > 0 {
		debug.SetMemoryLimit(limit)
	}
	return limit
}

// OneProcessor has the program use one of the board's processors, unless
// GOMAXPROCS says otherwise: it waits most of its time, and each time that it
// wakes on several they wake each other.
func OneProcessor() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
}

func memoryLimit(meminfo io.Reader) int64 {
	for lines := bufio.NewScanner(meminfo); lines.Scan(); {
		rest, ok := strings.CutPrefix(lines.Text(), "MemTotal:")
		if !ok {
			continue
		}
		kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
		if err != nil {
			return 0
		}
		return min(max(kib<<10/memoryShare, leastMemory), mostMemory)
	}
	return 0
}
