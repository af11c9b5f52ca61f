package meter

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"meterd/dlt645"
	"meterd/dlt645/dlt645test"
)

func TestScanFindsEveryMeter(t *testing.T) {
	for name, addresses := range map[string][]string{
		"none":                          nil,
		"one":                           {"202411200101"},
		"two with the same end":         {"202411200101", "992411200101"},
		"alike but for one digit":       {"202411200101", "202411200102", "202411200111", "202411201101"},
		"one that drowns the other out": {"000000000000", "000000000001"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := dlt645test.Pipe()
				line := &dlt645test.Line{Baud: 2400}
				want := []string{}
				for i, s := range addresses {
					a, err := dlt645.ParseAddress(s)
					if err != nil {
						t.Fatal(err)
					}
					m := dlt645test.NewMeter(a, 3)
					if i%2 == 1 {
						m = dlt645test.NewMeter97(a, 3)
					}
					line.Meters = append(line.Meters, m)
					want = append(want, fmt.Sprintf("%s %s", s, m.Protocol))
				}
				go line.Serve(t.Context(), theirs)
				bus := NewBus("test", Timing{Baud: 2400, Preamble: 4}, func() (Port, error) { return ours, nil }, nil)
				got := []string{}
				probes := 0
				err := Scan(t.Context(), ScanConfig{
					Bus: bus, Found: func(d Discovery) { got = append(got, fmt.Sprintf("%s %s", d.Address, d.Protocol)) },
					Progress: func(_ string, n int) { probes = max(probes, n) },
				})
				slices.Sort(got)
				slices.Sort(want)
				if err != nil || !slices.Equal(got, want) {
					t.Errorf("got %v (%v), want %v", got, err, want)
				}
				if len(addresses) > 0 && probes == 0 {
					t.Error("no progress was told")
				}
				theirs.Close()
				synctest.Wait()
			})
		})
	}
}

func TestScanShortensItsWaitOnceAnswersAreKnown(t *testing.T) {
	s := &scan{ScanConfig: ScanConfig{Bus: NewBus("test", Timing{}, nil, nil), Timeout: 500 * time.Millisecond}}
	if got := s.manner().Timeout; got != 500*time.Millisecond {
		t.Errorf("at first %v", got)
	}
	for range 30 {
		s.times.add(25 * time.Millisecond)
	}
	if got := s.manner().Timeout; got != leastTimeout {
		t.Errorf("after 30 answers in 25 ms: %v", got)
	}
}
