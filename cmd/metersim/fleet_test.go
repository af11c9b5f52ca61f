package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"meterd/cmd/metersim/fleet"
)

// TestFleet: twenty boards deliver to a mosquitto, lose their power, and come
// back. What was durable arrives, whoever acknowledges it.
func TestFleet(t *testing.T) {
	for _, acknowledge := range []string{"puback", "reply"} {
		t.Run(acknowledge, func(t *testing.T) {
			t.Parallel()
			m, end, err := fleetBroker()
			if err != nil {
				t.Fatal(err)
			}
			defer end()
			var out strings.Builder
			c := fleet.Config{
				Boards: 20, Meters: 4, Brokers: []string{"tcp://" + m.Addr()}, Username: "fleet", Password: stageSecret, Acknowledge: acknowledge,
				Every: time.Second, For: 2 * time.Second, Spreads: []time.Duration{0, time.Second}, Out: &out,
			}
			f, err := fleet.Run(t.Context(), c)
			if err != nil {
				t.Fatalf("%v\n%s", err, out.String())
			}
			t.Logf("\n%s", f)
			if f.Connections != c.Boards || f.Missing > 0 || len(f.Wrong) > 0 || f.Stored+f.PowerLost != f.Taken || f.Taken == 0 {
				t.Errorf("not all arrived: %d stored and %d lost with the power of %d, %d missing, %d wrong", f.Stored, f.PowerLost, f.Taken, f.Missing, len(f.Wrong))
			}
			if f.Steady.Acked <= 0 || f.Steady.Messages < f.Steady.Acked || f.Steady.Up <= f.Steady.Down || len(f.Trips) == 0 || f.Percentile(0.5) > f.Percentile(0.99) {
				t.Errorf("figures: %+v, %d acknowledgements", f.Steady, len(f.Trips))
			}
			if len(f.Storms) != 2 {
				t.Fatalf("%d storms", len(f.Storms))
			}
			for _, s := range f.Storms {
				if s.First > s.Half || s.Half > s.Most || s.Most > s.All || s.All > s.Delivered || s.Peak < 1 || s.Peak > c.Boards || s.Attempts < c.Boards {
					t.Errorf("storm: %+v", s)
				}
			}
		})
	}
}

// TestFleetStaysAtHome: no broker but on this host, and nothing without end.
func TestFleetStaysAtHome(t *testing.T) {
	for args, want := range map[string]string{
		"-broker tcp://192.168.1.10:1883":                       "not on this host",
		"-broker tcp://example.com:1883":                        "not on this host",
		"-broker tcp://127.0.0.1:1883,tcp://[2001:db8::1]:1883": "not on this host",
		"-broker tcp://0.0.0.0:1883":                            "not on this host",
		"-broker ssl://127.0.0.1:8883":                          "without TLS",
		"-broker 127.0.0.1:1883":                                "is no address",
		"-boards 0":                                             "want 1 to 20000",
		"-boards 30000":                                         "want 1 to 20000",
		"-meters 1001":                                          "want 1 to 1000",
		"-for 2h":                                               "want 1s to 1h0m0s",
		"-every 1ms":                                            "want 1s to 1h0m0s",
		"-boards 20000 -meters 1000":                            "million readings",
		"-storm -spread 6m":                                     "at most 5m",
		"-acknowledge online":                                   "acknowledge",
	} {
		t.Run(args, func(t *testing.T) {
			c, err := fleetConfig(strings.Fields(args))
			if err == nil {
				err = c.Check()
			}
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := runFleet(ctx, []string{"-boards", "1", "-broker", "tcp://10.0.0.1:1883"}); !errors.Is(err, errUsage) {
		t.Errorf("got %v, want a mistake of the command line", err)
	}
}
