package config

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"meterd/dlt645/dlt645test"
	"meterd/meter"
	"meterd/uplink"
	"meterd/uplink/tuya"
)

// TestBuiltInProfilesFeedTuya: what a meter of one or three phases is read for
// by default feeds those data points, with and without parameters; none of what
// is read is a value that no reading was said to hold.
func TestBuiltInProfilesFeedTuya(t *testing.T) {
	const single, three = "1 2 3 5 7 10 19 20 21 30 40 41 42 44 45 46 47 50 57 58", "1 2 3 5 7 10 19 20 21 30 31 32 38 40 41 42 44 45 46 47 50 51 52 57 58"
	const more = " 6 11 12 18 48 49 59"
	for _, c := range []struct {
		profile, parameters, want string
		phases                    int
	}{
		{"single-phase", "false", single, 1}, {"single-phase", "true", single + more, 1}, {"three-phase", "false", three, 3}, {"three-phase", "true", three + more, 3},
	} {
		t.Run(c.profile+" "+c.parameters, func(t *testing.T) {
			text := strings.ReplaceAll(minimal, "three-phase", c.profile) + "[[uplink]]\nname = \"t\"\nkind = \"tuya\"\nbroker = \"tcp://x:1\"\nusername = \"u\"\n[uplink.tuya]\nproduct_id = \"p\"\nparameters = " + c.parameters + "\n"
			conf, problems := Parse("x.toml", text)
			if Failed(problems) {
				t.Fatal(problems)
			}
			h := conf.Meters[0].Handle
			platform := conf.Uplinks[0].Make(Env{})
			fed := map[string]bool{}
			expected := map[string]bool{}
			for _, g := range h.Groups {
				for _, p := range conf.Points.Yield(g.Points) {
					expected[p.Name] = true
				}
			}
			for i, r := range dayOf(t, h, c.phases) {
				for _, m := range platform.Encode([16]byte{}, []uplink.Unit{{Seq: uint64(i), Reading: &r}}).Messages {
					fed[m.Item] = true
				}
				for _, v := range r.Values {
					if !expected[v.Point] {
						t.Errorf("nobody said that %s would be read", v.Point)
					}
				}
			}
			if got, want := sorted(slices.Collect(maps.Keys(fed))), sorted(strings.Fields(c.want)); got != want {
				t.Errorf("fed are %s, want %s", got, want)
			}
		})
	}
}

func sorted(ids []string) string {
	slices.Sort(ids)
	return strings.Join(ids, " ")
}

// dayOf gives what a day and an hour bring of a meter.
func dayOf(t *testing.T, h *meter.Handle, phases int) (readings []meter.Reading) {
	synctest.Test(t, func(t *testing.T) {
		m := dlt645test.NewMeter(h.Address, phases)
		for code, value := range map[uint32][]byte{
			0x00900100: {0, 0, 1, 0}, 0x04000E01: {0, 0, 6}, 0x04000E03: {0x40, 0x26}, 0x04000E04: {0x60, 0x17}, 0x04000F01: {0, 0x10, 0, 0}, 0x04090802: {0x60},
		} {
			m.Set(code, value)
		}
		ours, theirs := dlt645test.Pipe()
		line := &dlt645test.Line{Baud: 19200, Meters: []*dlt645test.Meter{m}}
		timing := meter.Timing{Baud: 19200, Preamble: 4, Timeout: time.Second}
		zone := time.FixedZone("CST", 8*3600)
		p := meter.NewPoller(meter.PollerConfig{
			Bus: meter.NewBus("b1", timing, func() (meter.Port, error) { return ours, nil }, nil), Meters: []*meter.Handle{h}, Daily: true, Books: true, Zone: zone,
			Stamp: func(r *meter.Reading) { r.Trusted = true }, Sink: func(r meter.Reading) { readings = append(readings, r) },
		})
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Hour)
		defer cancel()
		go line.Serve(ctx, theirs)
		p.Run(ctx)
		theirs.Close()
		synctest.Wait()
	})
	return readings
}

// TestTuyasFieldsOfAMeter are of that kind alone.
func TestTuyasFieldsOfAMeter(t *testing.T) {
	device := "[[uplink.device]]\nmeter = \"m1\"\n"
	for _, f := range tuya.DeviceFields {
		device += fmt.Sprintf("%s = \"own %s\"\n", f, f)
	}
	text := minimal + "[[uplink]]\nname = \"t\"\nkind = \"tuya\"\nbroker = \"tcp://x:1\"\nusername = \"u\"\n[uplink.tuya]\nproduct_id = \"p\"\n" + device
	c, problems := Parse("x.toml", text)
	if Failed(problems) {
		t.Fatal(problems)
	}
	p := c.Uplinks[0].Make(Env{}).(uplink.Registrar)
	m, _ := p.Register(time.Unix(1700000000, 0), c.Uplinks[0].Directory.Of(c.Meters[0].Address), 0)
	for _, f := range tuya.DeviceFields {
		if !strings.Contains(string(m.Payload), fmt.Sprintf("%q:%q", f, "own "+f)) {
			t.Errorf("%s is not told: %s", f, m.Payload)
		}
	}
	_, problems = Parse("x.toml", minimal+"[[uplink]]\nname = \"t\"\nkind = \"mqtt\"\nbroker = \"tcp://x:1\"\n"+device)
	if len(problems) < len(tuya.DeviceFields) {
		t.Errorf("a broker of one's own takes Tuya's fields: %v", problems)
	}
}
