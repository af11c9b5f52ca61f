package station

import (
	"testing"
	"time"

	"meterd/store"
)

func TestAGapIsToldWithItsTimes(t *testing.T) {
	since, until := time.Unix(1800000000, 0), time.Unix(1800003600, 0)
	for want, g := range map[string]store.Gap{
		"":                              {},
		", since 2027-01-15T08:00:00Z":  {Since: since},
		", before 2027-01-15T09:00:00Z": {Until: until},
		", 2027-01-15T08:00:00Z to before 2027-01-15T09:00:00Z": {Since: since, Until: until},
	} {
		if got := gapTimes(g); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
