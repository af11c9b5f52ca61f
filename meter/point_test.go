package meter

import "testing"

func TestEachPointIsFoundByItsName(t *testing.T) {
	var points Points
	for i := range families {
		for _, want := range families[i].points() {
			if got, ok := points.Lookup(want.Name); !ok || got.Name != want.Name || got.DI != want.DI || got.Index != want.Index {
				t.Errorf("%s: got %+v, %v", want.Name, got, ok)
			}
		}
	}
	for _, name := range []string{"voltage", "", "nonsense"} {
		if p, ok := points.Lookup(name); ok {
			t.Errorf("%q is one point: %+v", name, p)
		}
	}
}
