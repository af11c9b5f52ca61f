package config

import (
	"fmt"
	"strings"
	"testing"

	"meterd/meter"
)

// TestAModelOfStudioHoldsAHundredPoints: more are warned of, and no other
// platform has the bound.
func TestAModelOfStudioHoldsAHundredPoints(t *testing.T) {
	var names []string
	for _, n := range new(meter.Points).Names() {
		names = append(names, fmt.Sprintf("%q", n))
	}
	for kind, want := range map[string]bool{"onenet-studio": true, "onenet": false} {
		for _, n := range []int{mostModel, len(names)} {
			text := strings.Replace(everyKind, `points = ["voltage"]`, "points = ["+strings.Join(names[:n], ",")+"]", 1) +
				"[[uplink]]\nname = \"u\"\nkind = \"" + kind + "\"\nbroker = \"tcp://x:1\"\n[uplink.onenet]\nproduct_id = \"p\"\ndevice = \"d\"\naccess_key = \"a2V5\"\n"
			c, _ := Parse("x.toml", text)
			warned := false
			for _, p := range c.doc.problems {
				warned = warned || p.Warning && strings.Contains(p.Text, "a thing model of OneNET Studio holds 100")
			}
			if warned != (want && n > mostModel) {
				t.Errorf("%s with %d points: warned %v", kind, n, warned)
			}
		}
	}
}
