package meter

import (
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/dlt645/dlt645test"
)

// BenchmarkRound reads the standard set of 29 points in 8 requests over a
// line that is paced in real time at 19200 baud, and compares the time with
// that of the bytes and the meter's delay.
func BenchmarkRound(b *testing.B) {
	m := dlt645test.NewMeter(unit1, 3)
	timing := Timing{Baud: 19200, Preamble: 4}
	ours, theirs := dlt645test.Pipe()
	line := &dlt645test.Line{Baud: timing.Baud, Meters: []*dlt645test.Meter{m}}
	go line.Serve(b.Context(), theirs)
	defer theirs.Close()
	bus := NewBus("bench", timing, func() (Port, error) { return ours, nil }, nil)
	reqs := Plan(pointsOf(b, "energy.forward", "energy.reverse", "voltage", "current", "power.active", "power.reactive", "power.factor", "frequency"), dlt645.V2007)
	var physical, took time.Duration
	for b.Loop() {
		began := time.Now()
		for _, r := range reqs {
			if _, err := bus.Try(b.Context(), dlt645.ReadRequest(unit1, r.DI)); err != nil {
				b.Fatal(err)
			}
			c := r.Cost(timing.Preamble)
			physical += bus.Timing().Wire(c.Sent+c.Received) + 20*time.Millisecond
		}
		took += time.Since(began)
	}
	b.ReportMetric(float64(len(reqs)), "requests")
	b.ReportMetric(took.Seconds()/physical.Seconds(), "round/physical")
}
