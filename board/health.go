package board

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Health is how the board itself is. What its kernel does not tell is 0, or not
// known.
type Health struct {
	MemoryTotal     int64 // bytes
	MemoryAvailable int64 // for programs, without swapping
	MemoryUsed      int64 // by this program
	CPU             int   // percent of the processors' time that was in use lately
	CPUKnown        bool
	// Temperature is that of the warmest sensor, in thousandths of a degree
	// Celsius.
	Temperature      int
	TemperatureKnown bool
}

// Doctor looks at the board. The zero value is ready.
type Doctor struct {
	proc, thermal string // "/proc" and "/sys/class/thermal" unless a test says otherwise

	mu    sync.Mutex
	at    time.Time // of the last look at the processors; guarded by mu
	busy  uint64    // ticks, by then; guarded by mu
	total uint64    // guarded by mu
	share int       // percent, between the last two looks; guarded by mu
	known bool      // guarded by mu
}

// cpuOver is the shortest time that the processors' load is taken over: who asks
// often sees more than his own asking.
const cpuOver = 10 * time.Second

// Look tells how the board is now.
func (d *Doctor) Look(now time.Time) Health {
	proc, thermal := d.proc, d.thermal
	if proc == "" {
		proc, thermal = "/proc", "/sys/class/thermal"
	}
	var h Health
	kib := fields(filepath.Join(proc, "meminfo"))
	h.MemoryTotal, h.MemoryAvailable = kib["MemTotal"]<<10, kib["MemAvailable"]<<10
	h.MemoryUsed = fields(filepath.Join(proc, "self", "status"))["VmRSS"] << 10
	h.CPU, h.CPUKnown = d.cpu(filepath.Join(proc, "stat"), now)
	zones, _ := filepath.Glob(filepath.Join(thermal, "thermal_zone*", "temp"))
	for _, zone := range zones {
		b, err := ReadFile(zone, mostNumber)
		if err != nil {
			continue
		}
		n, err := strconv.Atoi(strings.TrimSpace(string(b)))
		if err == nil && plausible(n) && (!h.TemperatureKnown || n > h.Temperature) {
			h.Temperature, h.TemperatureKnown = n, true
		}
	}
	return h
}

// plausible leaves out what a driver says of a sensor that is not there.
func plausible(milli int) bool { return milli > -60_000 && milli < 200_000 && milli != 0 }

// cpu gives the share of the processors' time in use since the look before the
// last ten seconds, at first since the start of the system.
func (d *Doctor) cpu(file string, now time.Time) (percent int, known bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known && now.Sub(d.at) < cpuOver && !now.Before(d.at) {
		return d.share, true
	}
	f, err := os.Open(file)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	line, _ := bufio.NewReader(io.LimitReader(f, 4<<10)).ReadString('\n')
	words := strings.Fields(line)
	if len(words) < 6 || words[0] != "cpu" {
		return 0, false
	}
	var total, idle uint64
	for i, w := range words[1:min(len(words), 9)] { // guest time is part of user time
		n, err := strconv.ParseUint(w, 10, 64)
		if err != nil {
			return 0, false
		}
		if total += n; i == 3 || i == 4 { // idle, and waiting for a disk
			idle += n
		}
	}
	busy := total - idle
	if total > d.total && busy >= d.busy {
		d.share = int((100*(busy-d.busy) + (total-d.total)/2) / (total - d.total))
		d.known = true
	}
	d.at, d.busy, d.total = now, busy, total
	return d.share, d.known
}

// fields reads lines such as "MemTotal:  62000 kB".
func fields(file string) map[string]int64 {
	all := map[string]int64{}
	f, err := os.Open(file)
	if err != nil {
		return all
	}
	defer f.Close()
	for lines := bufio.NewScanner(io.LimitReader(f, 64<<10)); lines.Scan(); {
		name, rest, ok := strings.Cut(lines.Text(), ":")
		words := strings.Fields(rest)
		if !ok || len(words) == 0 {
			continue
		}
		if n, err := strconv.ParseInt(words[0], 10, 64); err == nil {
			all[name] = n
		}
	}
	return all
}
