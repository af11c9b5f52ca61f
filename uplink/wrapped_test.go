package uplink

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/store"
)

// TestWhatAnOutageOverwroteIsTold, whether the board ran on, was restarted, or
// was given a new configuration meanwhile, once or again and again, and however
// often it came to that: what is delivered and what is told as lost are all
// that was read.
func TestWhatAnOutageOverwroteIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		each     int  // readings before each restart
		restarts int  // after an outage began
		reload   bool // the ring stays open
		crash    bool // it is not closed
	}{
		"no restart":              {30000, 0, false, false},
		"a restart at the end":    {30000, 1, false, false},
		"restarts all along":      {3000, 10, false, false},
		"a reload":                {30000, 1, true, false},
		"reloads all along":       {3000, 10, true, false},
		"a kill at the end":       {30000, 1, false, true},
		"little before a restart": {300, 100, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ring")
			open := func() *store.Ring {
				t.Helper()
				r, err := store.Open(path, store.Options{Geometry: store.Geometry{Size: store.MinSize}, Flush: time.Minute})
				if err != nil {
					t.Fatal(err)
				}
				return r
			}
			a := dlt645.Address{1}
			ring := open()
			delivered, lost, added := 0, 0, 0
			drain := func(f *feed) {
				for e, ok := f.Next(); ok; e, ok = f.Next() {
					switch {
					case e.Gap == nil:
						delivered++
					case e.Counted:
						lost += e.Missing
					case e.Gap.Cause != store.Reserved:
						lost += int(e.Gap.To - e.Gap.From + 1)
					}
				}
				if err := ring.SetCursor("u", f.Floor()); err != nil {
					t.Fatal(err)
				}
			}
			add := func(n int) {
				for added += n; n > 0; n -= 100 {
					addReadings(t, ring, a, min(n, 100))
					if err := ring.Flush(); err != nil {
						t.Fatal(err)
					}
				}
			}
			f := newFeed(ring, "u", 0)
			for range 2 { // outages
				add(50)
				drain(f)
				add(c.each)
				at, _ := ring.Cursor("u")
				for i := range c.restarts {
					switch {
					case c.reload:
					case c.crash:
						if err := ring.Flush(); err != nil {
							t.Fatal(err)
						}
						ring = reopened(t, ring, path)
					default:
						if err := ring.Close(); err != nil {
							t.Fatal(err)
						}
						ring = open()
					}
					pos, ok := ring.Cursor("u")
					if !ok || pos != at {
						t.Fatalf("after restart %d the cursor is at %d, %v, want %d; first %d", i, pos, ok, at, ring.Stats().First)
					}
					f = newFeed(ring, "u", pos)
					add(c.each)
				}
				drain(f)
				if lost == 0 {
					t.Error("nothing is told as lost")
				}
				if delivered+lost != added {
					t.Errorf("%d delivered and %d told as lost, of %d", delivered, lost, added)
				}
			}
			ring.Close()
		})
	}
}

// reopened gives the ring as a kill leaves it to its successor.
func reopened(t *testing.T, ring *store.Ring, path string) *store.Ring {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "ring")
	copyRing(t, path, copied)
	ring.Close()
	copyRing(t, copied, path)
	r, err := store.Open(path, store.Options{Flush: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func copyRing(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
