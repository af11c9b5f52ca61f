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
					Progress: func(p Progress) { probes = max(probes, p.Probes) },
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

// TestScanOfSevenMetersIsSoonOver, whatever their addresses, and tells all along
// how far it is.
func TestScanOfSevenMetersIsSoonOver(t *testing.T) {
	for name, addresses := range map[string][]string{
		"one after the other": {"202411200101", "202411200102", "202411200103", "202411200104", "202411200105", "202411200106", "202411200107"},
		"scattered":           {"202411200101", "190500007712", "201908120533", "220311450018", "000000123456", "991231995959", "170607080900"},
		"two with one end":    {"202411200101", "190500007701", "201908120533", "220311450018", "000000123456", "991231995959", "170607080900"},
	} {
		for baud, most := range map[int]time.Duration{9600: 105 * time.Second, 2400: 4 * time.Minute} {
			t.Run(fmt.Sprintf("%s at %d", name, baud), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ours, theirs := dlt645test.Pipe()
					line := &dlt645test.Line{Baud: baud}
					for _, s := range addresses {
						a, err := dlt645.ParseAddress(s)
						if err != nil {
							t.Fatal(err)
						}
						line.Meters = append(line.Meters, dlt645test.NewMeter(a, 3))
					}
					go line.Serve(t.Context(), theirs)
					bus := NewBus("test", Timing{Baud: baud, Preamble: 4, Gap: 30 * time.Millisecond}, func() (Port, error) { return ours, nil }, nil)
					found, began := 0, time.Now()
					var last Progress
					err := Scan(t.Context(), ScanConfig{Bus: bus, Found: func(Discovery) { found++ }, Progress: func(p Progress) {
						if p.Done < 0 || p.Done > 1 || p.Left < 0 {
							t.Errorf("%+v after %+v", p, last)
						}
						last = p
					}})
					took := time.Since(began)
					if err != nil || found != len(addresses) || took > most {
						t.Errorf("%d found in %v, want %d within %v: %v", found, took, len(addresses), most, err)
					}
					if last.Done < 0.9 || last.Left > 10*time.Second {
						t.Errorf("before its end it tells %+v", last)
					}
					t.Logf("scan of seven meters, %s: %d probes, %.0f s", t.Name(), last.Probes, took.Seconds())
					stopped := 0
					began = time.Now()
					if err := Scan(t.Context(), ScanConfig{Bus: bus, Stop: 3, Found: func(Discovery) { stopped++ }}); err != nil || stopped != 3 || time.Since(began) >= took {
						t.Errorf("told to stop after 3 it finds %d in %v: %v", stopped, time.Since(began), err)
					}
					theirs.Close()
					synctest.Wait()
				})
			})
		}
	}
}
