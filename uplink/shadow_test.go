package uplink

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"meterd/meter"
)

// TestTheLaterWishCounts: a thing may be wished under two names. The later wish
// counts, also where it is so already; at one time neither does, unless they wish
// the same.
func TestTheLaterWishCounts(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(1700000000+int64(s), 0) }
	d, _ := NewDirectory(DirectoryConfig{
		Devices: []Device{{Meter: &meter.Handle{Name: "a", Address: meter1}, ID: "a"}},
		Rows:    []Row{{Point: "relay", To: "relay", Scale: -1}, {Point: "relay", To: "switch", Scale: -1}, {Point: "limit.power", To: "limit", Scale: -1}},
	})
	h := d.Devices()[0].Meter
	for _, c := range []struct {
		what   string
		wishes []Wish
		want   string
	}{
		{"one", []Wish{{"relay", "open", at(1), false}}, "relay:trip"},
		{"two things", []Wish{{"limit", "3", at(2), false}, {"relay", "open", at(1), false}}, "limit:limit.power = 3 relay:trip"},
		{"the second is later", []Wish{{"relay", "open", at(1), false}, {"switch", "closed", at(2), false}}, "switch:close"},
		{"the first is later", []Wish{{"relay", "open", at(2), false}, {"switch", "closed", at(1), false}}, "relay:trip"},
		{"the later one is so", []Wish{{"relay", "open", at(1), false}, {"switch", "closed", at(2), true}}, ""},
		{"the earlier one was so", []Wish{{"relay", "open", at(1), true}, {"switch", "closed", at(2), false}}, "switch:close"},
		{"both at once", []Wish{{"relay", "open", at(1), false}, {"switch", "closed", at(1), false}}, ""},
		{"both the same", []Wish{{"relay", "open", at(1), false}, {"switch", "open", at(1), false}}, "relay:trip"},
		{"the point and its register", []Wish{{"04000E01", "5", at(3), false}, {"limit", "3", at(2), false}}, "04000E01:04000E01 = 5"},
		{"without a time", []Wish{{"relay", "open", time.Time{}, false}}, ""},
		{"a mistake does not count", []Wish{{"relay", "open", at(1), false}, {"switch", "half", at(2), false}}, "relay:trip"},
	} {
		var got []string
		for _, o := range d.Wished(c.wishes, func(w Wish) (*meter.Handle, string, string, bool) { return h, w.Key, w.Key, true }) {
			got = append(got, fmt.Sprintf("%s:%s", o.ID, o))
		}
		slices.Sort(got)
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %q, want %q", c.what, got, c.want)
		}
	}
}

// TestAWrongValueAmongSeveralRefusesAll, whatever is wrong with it.
func TestAWrongValueAmongSeveralRefusesAll(t *testing.T) {
	h := &meter.Handle{Name: "m", Address: meter1}
	d, _ := NewDirectory(DirectoryConfig{Devices: []Device{{Meter: h, ID: "a"}}})
	for text, want := range map[string]bool{
		`{"limit_power":"abc","relay":"open"}`:     false,
		`{"limit_power":123456789,"relay":"open"}`: false, // more than the register holds
		`{"fault":"x","relay":"open"}`:             false, // no register holds it
		`{"04000103":"sixty","relay":"open"}`:      false,
		`{"limit_power":3,"relay":"open"}`:         true,
	} {
		_, all, no := d.Settings(h, set(text))
		if (no == nil) != want || want && len(all) != 2 {
			t.Errorf("%s: %d commands, mistake %v", text, len(all), no)
		}
	}
}
