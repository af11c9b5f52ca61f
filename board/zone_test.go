package board

import (
	"testing"
	"time"
)

// A root file system without time zones has those that the program brings,
// rules of the summer included.
func TestZonesThatTheProgramBrings(t *testing.T) {
	at := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for name, want := range map[string]string{
		"Asia/Shanghai": "2026-07-01T20:00:00+08:00", "Asia/Urumqi": "2026-07-01T18:00:00+06:00",
		"Europe/Berlin": "2026-07-01T14:00:00+02:00", "America/Argentina/Buenos_Aires": "2026-07-01T09:00:00-03:00",
	} {
		data, err := zoneData(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		zone, err := time.LoadLocationFromTZData(name, data)
		if err != nil || at.In(zone).Format(time.RFC3339) != want {
			t.Errorf("%s: %v, %v", name, at.In(zone), err)
		}
	}
	for _, name := range []string{"Mars/Olympus", "../../etc/passwd", "Asia", "/etc/passwd"} {
		if _, err := Zone(name); err == nil {
			t.Errorf("there is a time zone %s", name)
		}
	}
}
