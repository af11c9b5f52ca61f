package tool

import (
	"path/filepath"
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/dlt645/dlt645test"
	"meterd/meter"
	"meterd/store"
)

// BenchmarkFlashPerPoint puts a round of 32 three-phase meters, 29 points
// each, into the ring: as one commit, and as it comes in at 2400 baud with a
// commit each 10 seconds.
func BenchmarkFlashPerPoint(b *testing.B) {
	for _, c := range []struct {
		name  string
		unit  int
		every int // meters a commit
	}{
		{"unit=512/one-commit", 512, 32},
		{"unit=4096/one-commit", 4096, 32},
		{"unit=4096/flush=10s", 4096, 5}, // a meter's 8 requests take 1.9 s of the line
	} {
		b.Run(c.name, func(b *testing.B) {
			ring, err := store.Open(filepath.Join(b.TempDir(), "ring"), store.Options{
				Geometry: store.Geometry{Size: 8 << 20, Unit: c.unit}, Flush: time.Hour, Codec: meter.Packing{},
			})
			if err != nil {
				b.Fatal(err)
			}
			defer ring.Close()
			round := newRound(b, 32)
			at := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
			before, points := ring.Stats().BytesWritten, 0
			for b.Loop() {
				at = at.Add(15 * time.Minute)
				for i, m := range round {
					r := m.read(b, at, at.Add(time.Duration(i)*1900*time.Millisecond))
					points += len(r.Values)
					rec, _ := r.AppendBinary(nil)
					if _, err := ring.Append(rec); err != nil {
						b.Fatal(err)
					}
					if (i+1)%c.every == 0 || i == len(round)-1 {
						if err := ring.Flush(); err != nil {
							b.Fatal(err)
						}
					}
				}
			}
			b.ReportMetric(float64(ring.Stats().BytesWritten-before)/float64(points), "flash-B/point")
		})
	}
}

// simulated is a meter and what is read of it.
type simulated struct {
	*dlt645test.Meter
	plan []meter.Request
}

func newRound(b *testing.B, meters int) []simulated {
	b.Helper()
	var ps meter.Points
	var points []meter.Point
	for _, name := range []string{"energy.forward", "energy.reverse", "voltage", "current", "power.active", "power.reactive", "power.factor", "frequency"} {
		p, ok := ps.Expand(name)
		if !ok {
			b.Fatal(name)
		}
		points = append(points, p...)
	}
	var all []simulated
	for n := range meters {
		a := dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, byte(n/10%10)<<4 | byte(n%10)}
		all = append(all, simulated{dlt645test.NewMeter(a, 3), meter.Plan(points, dlt645.V2007)})
	}
	return all
}

func (s simulated) read(b *testing.B, round, at time.Time) meter.Reading {
	b.Helper()
	var ps meter.Points
	r := meter.Reading{Meter: s.Address, Round: round, Time: at, Trusted: true, Boot: 1, Uptime: time.Duration(at.Unix()) * time.Second}
	for _, req := range s.plan {
		ans, ok := s.Answer(dlt645.ReadRequest(s.Address, req.DI), at)
		if !ok {
			b.Fatal("no answer")
		}
		items, err := dlt645.Decode(nil, req.DI, ans.Payload())
		if err != nil {
			b.Fatal(err)
		}
		for _, it := range items {
			if p, ok := ps.Of(it); ok {
				r.Values = append(r.Values, meter.PointValue{Point: p.Name, Value: it.Value})
			}
		}
	}
	if len(r.Values) != 29 {
		b.Fatalf("%d values", len(r.Values))
	}
	return r
}
