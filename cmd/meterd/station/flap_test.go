package station

import (
	"bytes"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"meterd/cmd/meterd/journal"
	"meterd/cmd/meterd/linetest"
	"meterd/cmd/meterd/takeover"
	"meterd/uplink/uplinktest"
)

var (
	flapFor   = flag.Duration("flap", 20*time.Second, "how long the broker comes and goes")
	flapEvery = flag.Duration("flap-every", 5*time.Second, "how long it is there, and how long away")
)

// sample is what a daemon takes at a moment.
type sample struct {
	at                      time.Duration
	heap, goroutines, files float64
}

// TestABrokerThatComesAndGoesLeavesNothingBehind: a whole daemon on a real line,
// with a broker that is there for some seconds and away for some, and a console
// that is asked all the time. Memory, goroutines and descriptors do not grow:
// what they grow by in an hour is printed. make flap has it go on for an hour.
func TestABrokerThatComesAndGoesLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	port, _ := linetest.New(t, nil)
	platform := &uplinktest.Tuya{}
	addr, err := uplinktest.FreePort() // nobody else may listen there while the broker is away
	if err != nil {
		t.Fatal(err)
	}
	_, closed, err := cloudAt(addr, platform)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "meterd.toml")
	if err := os.WriteFile(file, []byte(wholeText("gw1", dir, port, addr)), 0o600); err != nil {
		t.Fatal(err)
	}
	st := New(Config{Version: "test", Built: time.Date(2025, 11, 1, 0, 0, 0, 0, time.UTC), Files: takeover.NewFiles(file), Journal: journal.New(&bytes.Buffer{}, slog.LevelError)})
	_, status, end := atWork(t, st, filepath.Join(dir, "sock"))
	eventually(t, "the first readings at the platform", func() bool { return len(platform.Seen().Reports) > 10 })

	var samples []sample
	stored := 0
	began := time.Now()
	for up := true; time.Since(began) < *flapFor; up = !up {
		for until := time.Now().Add(*flapEvery); time.Now().Before(until); time.Sleep(200 * time.Millisecond) {
			status()
		}
		if up {
			closed()
			eventually(t, "noticed", func() bool { s := status(); return len(s.Uplinks) == 1 && !s.Uplinks[0].Connected })
			stored += len(platform.Drain())
			samples = append(samples, take(time.Since(began)))
			continue
		}
		eventually(t, "there again", func() bool { _, closed, err = cloudAt(addr, platform); return err == nil })
	}
	end()
	seen := platform.Seen()
	if len(seen.Violations) > 0 {
		t.Errorf("violations: %v", seen.Violations)
	}
	last := samples[len(samples)-1]
	heap, goroutines, files := slope(samples, func(s sample) float64 { return s.heap }), slope(samples, func(s sample) float64 { return s.goroutines }), slope(samples, func(s sample) float64 { return s.files })
	t.Logf("the broker went %d times in %v: %d values at the platform, %d of them came twice; heap %.1f MiB, %+.2f MiB an hour; %.0f goroutines, %+.1f an hour; %.0f descriptors, %+.1f an hour",
		len(samples), last.at.Round(time.Second), stored+len(seen.Reports), seen.Repeats, last.heap/(1<<20), heap/(1<<20), last.goroutines, goroutines, last.files, files)
	if last.at < 10*time.Minute {
		return // too short to tell a slope from chance
	}
	if heap > 4<<20 || goroutines > 3 || files > 3 {
		t.Error("the daemon grows")
	}
}

// take looks at this process, of which the daemon is the most.
func take(at time.Duration) sample {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	files, _ := os.ReadDir("/proc/self/fd")
	return sample{at: at, heap: float64(m.HeapAlloc), goroutines: float64(runtime.NumGoroutine()), files: float64(len(files))}
}

// slope gives by how much something grows in an hour, by least squares, the first
// fifth left out: what is learned and cached comes then.
func slope(samples []sample, of func(sample) float64) float64 {
	samples = samples[len(samples)/5:]
	var n, x, y, xx, xy float64
	for _, s := range samples {
		h, v := s.at.Hours(), of(s)
		n, x, y, xx, xy = n+1, x+h, y+v, xx+h*h, xy+h*v
	}
	if d := n*xx - x*x; d != 0 {
		return (n*xy - x*y) / d
	}
	return 0
}
