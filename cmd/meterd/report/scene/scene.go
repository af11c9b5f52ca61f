// Package scene makes up thirty days of some meters, in a ring, for the tests and
// the picture of the report. Nothing of the product imports it.
package scene

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"meterd/cmd/meterd/console"
	"meterd/dlt645"
	"meterd/meter"
	"meterd/store"
)

// Now is when the scene ends: noon in Shanghai.
var Now = time.Date(2026, 11, 20, 4, 7, 0, 0, time.UTC)

// Zone is where it plays.
var Zone = time.FixedZone("Asia/Shanghai", 8*3600)

// Scene is what is played.
type Scene struct {
	Names []string      // of the meters; "": one is made up
	Every time.Duration // between two readings of a meter
	Plain bool          // every meter is read all the time, and nothing happens
}

// Meters gives the meters of a scene.
func (s Scene) Meters() (all []*meter.Handle) {
	for i, name := range s.Names {
		if name == "" {
			name = fmt.Sprintf("Unit %d", 101+i)
		}
		all = append(all, &meter.Handle{Name: name, Address: address(i), Bus: "rs485-1", Groups: []meter.Group{{Every: s.Every}}})
	}
	return all
}

func address(i int) dlt645.Address {
	a, err := dlt645.ParseAddress(fmt.Sprintf("2024112%05d", 101+i))
	if err != nil {
		panic(err) // twelve digits
	}
	return a
}

// three reports whether a meter has three phases.
func three(i int) bool { return i%3 == 0 }

// Fill plays the scene into a ring, a reading of each meter after the other.
func (s Scene) Fill(ring *store.Ring) error {
	rnd := rand.New(rand.NewPCG(1, 2))
	y, mo, d := Now.In(Zone).Date()
	start := time.Date(y, mo, d-29, 0, 0, 0, 0, Zone)
	energy := make([]float64, len(s.Names)) // in kWh
	midnight := make([]float64, len(s.Names))
	put := func(r interface {
		AppendBinary([]byte) ([]byte, error)
	}) error {
		rec, err := r.AppendBinary(nil)
		if err == nil {
			_, err = ring.Append(rec)
		}
		return err
	}
	boot := uint32(7)
	began := start.Add(-40 * time.Hour)
	n := 0
	for t := start; t.Before(Now); t = t.Add(s.Every) {
		away := !s.Plain && s.away(t)
		if away {
			boot, began = 8, s.back().Add(-time.Minute)
		}
		for i := range s.Names {
			power := draw(rnd, i, t)
			energy[i] += power * s.Every.Hours()
			if local := t.In(Zone); local.Hour() == 0 && local.Minute() == 0 {
				yesterday := energy[i] - midnight[i]
				midnight[i] = energy[i]
				if t.Sub(start) > time.Hour && !(i == 1 && local.Day()%9 == 0) {
					if err := put(&meter.Reading{Meter: address(i), Time: t.Add(time.Second), Round: t, Trusted: true, Boot: boot, Uptime: t.Sub(began), Values: []meter.PointValue{
						{Point: "energy.forward.total", Value: number(1000+energy[i], 2)}, {Point: "energy.forward.yesterday", Value: number(yesterday, 2)}}}); err != nil {
						return err
					}
				}
			}
			if !s.Plain && i == 1 && t.After(Now.Add(-58*time.Hour)) && t.Before(Now.Add(-51*time.Hour)) {
				continue // the meter was silent
			}
			if away && (t.Minute()%15 != 0 || t.After(s.back().Add(-time.Hour))) {
				continue // what the meter does not remember either
			}
			r := meter.Reading{Meter: address(i), Time: t.Add(time.Duration(i) * 100 * time.Millisecond), Round: t, Trusted: true, Boot: boot, Uptime: max(t.Sub(began), time.Minute), Recalled: away, Doubtful: away && i == 2}
			r.Values = []meter.PointValue{{Point: "power.active.total", Value: number(power, 4)}}
			for k, point := range []string{"voltage.a", "voltage.b", "voltage.c"} {
				if k == 0 || three(i) {
					r.Values = append(r.Values, meter.PointValue{Point: point, Value: number(228+1.5*float64(k)-power*.35+2.5*math.Sin(float64(t.Unix())/14000+float64(k))+rnd.NormFloat64()*.5, 1)})
				}
			}
			if t.Minute()%15 == 0 && !away {
				r.Values = append(r.Values, meter.PointValue{Point: "energy.forward.total", Value: number(1000+energy[i], 2)}, meter.PointValue{Point: "energy.forward.day", Value: number(energy[i]-midnight[i], 2)},
					meter.PointValue{Point: "frequency", Value: number(50+rnd.NormFloat64()*.01, 2)}, meter.PointValue{Point: "relay", Value: dlt645.Value{Kind: dlt645.Characters, Text: "closed"}})
			}
			if err := put(&r); err != nil {
				return err
			}
		}
		if n++; n%16 == 0 {
			if err := ring.Flush(); err != nil {
				return err
			}
		}
	}
	if !s.Plain {
		for _, e := range s.events() {
			e.Trusted = true
			if err := put(&e); err != nil {
				return err
			}
		}
	}
	return ring.Flush()
}

// away tells when the board was without power, and back when it came back.
func (s Scene) away(t time.Time) bool {
	return t.After(s.back().Add(-6*time.Hour)) && t.Before(s.back())
}

func (s Scene) back() time.Time { return Now.Add(-30 * time.Hour).Truncate(15 * time.Minute) }

func (s Scene) events() (all []meter.Event) {
	all = []meter.Event{
		{Time: Now.Add(-29 * time.Hour), Kind: meter.EventClock},
		{Meter: address(0), Time: Now.Add(-36 * time.Hour), Kind: meter.EventPowerOff, Text: "until 2026-11-19 05:58:11", Recalled: true},
		{Meter: address(0), Time: Now.Add(-20 * time.Hour), Kind: "relay", By: "tuya", Text: "relay trip", Command: &meter.CommandRecord{ID: "a1"}},
		{Meter: address(0), Time: Now.Add(-20 * time.Hour).Add(2 * time.Second), Kind: "relay", By: "tuya", Text: "relay trip", Command: &meter.CommandRecord{ID: "a1", Done: true}},
		{Meter: address(0), Time: Now.Add(-19 * time.Hour), Kind: "relay", By: "console", Text: "relay close", Command: &meter.CommandRecord{ID: "c2", Done: true, Outcome: meter.Unconfirmed}},
		{Meter: address(0), Time: Now.Add(-9 * 24 * time.Hour), Kind: "set", By: "tuya", Text: "set limit.power 12", Command: &meter.CommandRecord{ID: "a0"}},
	}
	if len(s.Names) > 1 {
		all = append(all, meter.Event{Meter: address(1), Time: Now.Add(-58 * time.Hour), Kind: meter.EventOffline}, meter.Event{Meter: address(1), Time: Now.Add(-51 * time.Hour), Kind: meter.EventOnline},
			meter.Event{Meter: address(1), Time: Now.Add(-40 * time.Hour), Kind: meter.EventFaultOn, Text: "undervoltage.a"}, meter.Event{Meter: address(1), Time: Now.Add(-39 * time.Hour), Kind: meter.EventFaultOff, Text: "undervoltage.a"})
	}
	return all
}

// draw gives the power that a meter shows, in kW.
func draw(rnd *rand.Rand, i int, t time.Time) float64 {
	local := t.In(Zone)
	hour := float64(local.Hour()) + float64(local.Minute())/60
	busy := math.Exp(-math.Pow(hour-8, 2)/3) + 1.6*math.Exp(-math.Pow(hour-19.5, 2)/5) + .35
	if local.Weekday() == time.Sunday {
		busy *= .7
	}
	p := (1 + .6*float64(i%4)) * busy
	if rnd.Float64() < .03 {
		p += 2 + rnd.Float64()
	}
	return math.Max(p+rnd.NormFloat64()*.08, .02)
}

func number(v float64, decimals uint8) dlt645.Value {
	return dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: int64(math.Round(v * math.Pow10(int(decimals)))), Scale: decimals}}
}

// Status is how the board of the scene is.
func (s Scene) Status() *console.Status {
	cpu := 4
	st := &console.Status{
		Gateway: "gw0001", Version: "v1.2.0", Uptime: 29*3600 + 240, Now: Now,
		Clock:    console.ClockStatus{Trusted: true, Source: "ntp", Time: Now, Opinions: []console.ClockOpinion{{Source: "ntp", Offset: .004, Age: 40}, {Source: "meters", Offset: -1.2, Age: 900, Meters: len(s.Names)}}},
		Buses:    []console.BusStatus{{Name: "rs485-1", Port: "/dev/ttyS1", Load: .312, Planned: .305, Requests: 48211, Answers: 48002, Noise: 41, Silence: 168, Refusals: 12, Retries: 190, Late: 3}},
		Uplinks:  []console.UplinkStatus{{Name: "tuya", Kind: "tuya", Broker: "ssl://m1.example:8883", Connected: true, Acked: 812044, Since: Now.Add(-29 * time.Hour)}},
		Ring:     console.RingStatus{Capacity: 64 << 20, Used: 21 << 20, First: 1, Last: 812090, Written: 31 << 20, Path: "/data/readings.ring", Holds: 92 * 24 * 3600},
		Health:   console.HealthStatus{Started: console.StartedBoard, BoardUptime: 29*3600 + 260, MemoryTotal: 121 << 20, MemoryAvailable: 78 << 20, MemoryUsed: 14 << 20, CPU: &cpu, Temperature: "47.5"},
		Watchdog: console.WatchdogStatus{Device: "/dev/watchdog", Timeout: 60}, Config: console.ConfigStatus{State: "proved"},
		Record: &console.RecordStatus{Day: "2026-11-19", Meters: len(s.Names), Whole: max(len(s.Names)-1, 0), Values: 4800, Made: 96, Missing: 12},
	}
	for i, h := range s.Meters() {
		good := Now.Add(-time.Duration(20+i) * time.Second)
		st.Meters = append(st.Meters, console.MeterStatus{Name: h.Name, Address: h.Address.String(), Bus: h.Bus, Online: true, Asked: true, LastGood: &good, Success: .996, Rounds: 1741, Lost: 7, Relay: "closed",
			Requests: 8035, Answers: 8001, Silence: 28, Noise: 6, Refusals: 2, Retries: 31, P50: 62, P90: 81, P99: 140})
	}
	return st
}
