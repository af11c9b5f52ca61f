package browser

import (
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"meterd/cmd/meterd/report"
	"meterd/cmd/meterd/report/scene"
	"meterd/meter"
	"meterd/store"
)

func newRing(t *testing.T) *store.Ring {
	t.Helper()
	ring, err := store.Open(filepath.Join(t.TempDir(), "ring"), store.Options{Geometry: store.Geometry{Size: 32 << 20}, Codec: meter.Packing{}, Taken: meter.Taken})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ring.Close() })
	return ring
}

// TestABoardsMemoryIsEnough: 64 meters over 30 days are a page of a few MiB, and
// as much memory while it is written.
func TestABoardsMemoryIsEnough(t *testing.T) {
	s := scene.Scene{Names: make([]string, 64), Every: 15 * time.Minute, Plain: true}
	r := newRing(t)
	if err := s.Fill(r); err != nil {
		t.Fatal(err)
	}
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before, most, bytes := heap(), int64(0), 0
	result, err := report.Write(t.Context(), report.Config{Ring: r, Points: &meter.Points{}, Meters: s.Meters(), Zone: scene.Zone, Now: scene.Now, Status: s.Status(), Write: func(b []byte) error {
		if bytes += len(b); bytes > 200<<10 && most == 0 { // some meters are written, all were read
			most = heap() - before
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d meters: a page of %d KiB, %d KiB of memory", result.Meters, bytes>>10, most>>10)
	if bytes > 4<<20 {
		t.Errorf("the page has %d bytes", bytes)
	}
	if most > 6<<20 {
		t.Errorf("%d bytes of memory", most)
	}
}
