//go:build sabotage

package store

import "testing"

// TestEachLevelFindsWhatIsBroken breaks the ring on purpose: checks that
// cannot fail show nothing.
func TestEachLevelFindsWhatIsBroken(t *testing.T) {
	levels := map[string]func() error{
		"crash states":   func() error { _, err := crashStates(1, 50_000); return err },
		"histories":      func() error { return histories(300) },
		"faults at rest": func() error { _, err := faultsAtRest(997); return err },
	}
	broken := map[string]struct {
		what  *bool
		found []string // the levels that must see it
	}{
		"nothing":                {new(bool), nil},
		"no sync":                {&skipSync, []string{"crash states", "histories"}},
		"no checksum":            {&skipCRC, []string{"crash states", "histories", "faults at rest"}},
		"numbers are used again": {&reuseNumber, []string{"crash states", "histories"}},
	}
	for name, b := range broken {
		t.Run(name, func(t *testing.T) {
			*b.what = true
			defer func() { *b.what = false }()
			for level, check := range levels {
				err := check()
				must := false
				for _, l := range b.found {
					must = must || l == level
				}
				switch {
				case must && err == nil:
					t.Errorf("%s sees nothing", level)
				case name == "nothing" && err != nil:
					t.Errorf("%s: %v", level, err)
				default:
					t.Logf("%s: %v", level, err)
				}
			}
		})
	}
}
