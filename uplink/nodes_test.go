package uplink

import (
	"testing"
	"time"
)

// TestNodesTakeTurns: each failure leads to the next broker, and one that has
// refused our credentials is asked again after a minute only.
func TestNodesTakeTurns(t *testing.T) {
	now := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	type failure struct {
		credentials bool
		pause       time.Duration // that is meant
		want        string        // the next one
		wantPause   time.Duration
	}
	const s = time.Second
	for name, c := range map[string]struct {
		urls []string
		fail []failure
	}{
		"one alone is tried again":                     {[]string{"a"}, []failure{{false, 5 * s, "a", 5 * s}, {false, 9 * s, "a", 9 * s}}},
		"one alone that refuses is left for a minute":  {[]string{"a"}, []failure{{true, 5 * s, "a", 60 * s}, {false, 5 * s, "a", 5 * s}}},
		"a longer pause than that is kept":             {[]string{"a"}, []failure{{true, 85 * s, "a", 85 * s}}},
		"three take turns":                             {[]string{"a", "b", "c"}, []failure{{false, 5 * s, "b", 5 * s}, {false, 5 * s, "c", 5 * s}, {false, 5 * s, "a", 5 * s}}},
		"one that refuses is passed over for a minute": {[]string{"a", "b"}, []failure{{true, 5 * s, "b", 5 * s}, {false, 5 * s, "b", 5 * s}, {false, 70 * s, "a", 70 * s}}},
		"where all refuse the first is asked first":    {[]string{"a", "b", "c"}, []failure{{true, 5 * s, "b", 5 * s}, {true, 6 * s, "c", 6 * s}, {true, 7 * s, "a", 49 * s}}},
	} {
		t.Run(name, func(t *testing.T) {
			n, at := newNodes(Endpoint{URL: c.urls[0], More: c.urls[1:]}), now
			if n.current() != "a" {
				t.Errorf("it begins with %s", n.current())
			}
			for i, f := range c.fail {
				pause := n.failed(at, f.pause, f.credentials)
				if n.current() != f.want || pause != f.wantPause {
					t.Fatalf("failure %d: %s after %v, want %s after %v", i, n.current(), pause, f.want, f.wantPause)
				}
				at = at.Add(pause)
			}
		})
	}
}
