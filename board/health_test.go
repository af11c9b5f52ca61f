package board

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestHealth reads what a kernel tells, and takes what is missing for not known.
func TestHealth(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	d := &Doctor{proc: dir, thermal: filepath.Join(dir, "thermal")}
	now := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	if h := d.Look(now); h != (Health{}) {
		t.Errorf("of nothing: %+v", h)
	}
	put("meminfo", "MemTotal:          60000 kB\nMemFree:    1 kB\nMemAvailable:  20000 kB\n")
	put("self/status", "Name:\tmeterd\nVmRSS:\t   10240 kB\n")
	put("stat", "cpu  100 0 100 700 100 0 0 0 50 0\ncpu0 1 1 1 1\n")
	put("thermal/thermal_zone0/temp", "41500\n")
	put("thermal/thermal_zone1/temp", "52250\n")
	put("thermal/thermal_zone2/temp", "-274000\n") // a sensor that is not there
	want := Health{MemoryTotal: 60000 << 10, MemoryAvailable: 20000 << 10, MemoryUsed: 10 << 20, CPU: 20, CPUKnown: true, Temperature: 52250, TemperatureKnown: true}
	if h := d.Look(now); h != want {
		t.Errorf("got %+v, want %+v", h, want)
	}
	put("stat", "cpu  180 0 180 720 120 0 0 0 50 0\n")
	if h := d.Look(now.Add(9 * time.Second)); h != want {
		t.Errorf("at once: got %+v, want what was", h)
	}
	want.CPU = 80
	if h := d.Look(now.Add(10 * time.Second)); h != want {
		t.Errorf("later: got %+v, want %+v", h, want)
	}
	put("stat", "cpu  x\n")
	if h := d.Look(now.Add(time.Hour)); h.CPUKnown {
		t.Errorf("of garbage: %+v", h)
	}
}
