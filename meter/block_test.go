package meter

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"meterd/dlt645"
	"meterd/dlt645/dlt645test"
)

// TestABlockThatBringsNothingCostsNoValue: meters refuse a block with any code,
// are silent to it, or end it early. Its members come one by one in the same
// round; what they do is learned, and tried again after a day.
func TestABlockThatBringsNothingCostsNoValue(t *testing.T) {
	refusal := func(code ...byte) func(*dlt645test.Meter) {
		return func(m *dlt645test.Meter) { m.NoBlock, m.Quirks.Refusal = true, slices.Clip(append([]byte{}, code...)) }
	}
	silent := func(m *dlt645test.Meter) { m.Quirks.SilentToBlocks = true }
	short := func(value ...byte) func(*dlt645test.Meter) {
		return func(m *dlt645test.Meter) { m.Set(0x0201FF00, value) }
	}
	for name, c := range map[string]struct {
		quirk  func(*dlt645test.Meter)
		blocks int // requests for blocks in the second day's first three rounds, of two blocks
	}{
		"refused with 02":           {refusal(0x02), 2},
		"refused with 01":           {refusal(0x01), 2},
		"refused with 04":           {refusal(0x04), 2},
		"refused with 00":           {refusal(0x00), 2},
		"refused with 01 01":        {refusal(0x01, 0x01), 2},
		"refused without a code":    {refusal(), 2},
		"refused with three bytes":  {refusal(0x01, 0x02, 0x04), 2},
		"silence":                   {silent, 2 * silentOften},
		"the first member only":     {short(0x01, 0x22), 6},
		"two members":               {short(0x01, 0x22, 0x02, 0x22), 6},
		"no whole number of values": {short(0x01, 0x22, 0x02), 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := dlt645test.NewMeter(unit1, 3)
				c.quirk(m)
				b := newBench(testTiming, []*dlt645test.Meter{m}, Group{Every: 10 * time.Minute, Points: pointsOf(t, "voltage", "current", "frequency")})
				blocks, dayOne := 0, time.Now().Add(25*time.Hour)
				b.line.Tap = func(e dlt645test.Event) {
					if !e.Frame.Control.Response() && len(e.Frame.Data) == 4 && e.Frame.Data[1] == 0xFF && time.Now().After(dayOne) {
						blocks++
					}
				}
				b.run(t, 25*time.Hour+25*time.Minute)
				if len(b.readings) < 25*6 {
					t.Fatalf("%d readings", len(b.readings))
				}
				for i, r := range b.readings {
					if len(r.Values) != 7 {
						t.Fatalf("reading %d has %d values, want 7: %v", i, len(r.Values), r.Values)
					}
				}
				if s := b.poller.Meters()[0]; s.Lost > 0 || !s.Online {
					t.Errorf("%d rounds count as lost: %s", s.Lost, s.LastErr)
				}
				if blocks > c.blocks {
					t.Errorf("blocks were asked for %d times in three rounds, want %d at most", blocks, c.blocks)
				}
			})
		})
	}
}

// TestAMeterThatSaysMoreForEverKeepsNobodyFromTheLine: of its two neighbours
// each keeps its rounds.
func TestAMeterThatSaysMoreForEverKeepsNobodyFromTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		meters := simulated(3)
		meters[0].Quirks.Endless = true
		const every, rounds = 10 * time.Second, 360
		b := newBench(testTiming, meters, Group{Every: every, Points: pointsOf(t, "voltage", "energy.forward")})
		b.run(t, rounds*every)
		of := map[dlt645.Address]int{}
		for _, r := range b.readings {
			of[r.Meter]++
		}
		for _, m := range meters[1:] {
			if n := of[m.Address]; n < rounds*95/100 {
				t.Errorf("%v has %d of %d rounds", m.Address, n, rounds)
			}
		}
		if s := b.poller.Meters()[0]; !s.Online || s.Requests > 400 {
			t.Errorf("the endless one is online %v, and was asked %d times", s.Online, s.Requests)
		}
	})
}

// TestBadMetersKeepNobodyFromTheLine: of 32 meters three are dead, one babbles,
// one says "more" for ever, and at the address of one another answers; the
// others have their rounds.
func TestBadMetersKeepNobodyFromTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := simulated(32)
		all := slices.Clone(line)
		line = line[3:]
		for i, name := range []string{"babble", "endless"} {
			if err := line[i].Give(name); err != nil {
				t.Fatal(err)
			}
		}
		wrong := line[2]
		wrong.Quirks.Answer = func(req dlt645.Frame) []byte {
			ans, ok := wrong.Answer(req, time.Now())
			if !ok {
				return nil
			}
			ans.Address[0] ^= 0x50
			b, _ := ans.AppendBinary(nil)
			return b
		}
		const every, rounds = time.Minute, 120
		b := newBench(testTiming, all, Group{Every: every, Points: pointsOf(t, "voltage", "energy.forward")})
		b.line.Meters = line
		b.run(t, rounds*every)
		of := map[dlt645.Address]int{}
		for _, r := range b.readings {
			of[r.Meter]++
		}
		least := rounds
		for _, m := range line[3:] {
			least = min(least, of[m.Address])
			if n := of[m.Address]; n < rounds*95/100 {
				t.Errorf("%v has %d of %d rounds", m.Address, n, rounds)
			}
		}
		for _, s := range b.poller.Meters()[:6] {
			t.Logf("%s: online %v, asked %d times: %d silent, %d noise, %d foreign, %s", s.Address, s.Online, s.Requests, s.Silence, s.Noise, s.Foreign, s.LastErr)
		}
		if s := b.poller.Meters()[5]; s.Foreign < 3 || !strings.Contains(s.LastErr, "two meters may answer at this address") {
			t.Errorf("of the one at a wrong address is told: %d foreign answers, %s", s.Foreign, s.LastErr)
		}
		t.Logf("beside bad meters the others have %d %% of their rounds at least", 100*least/rounds)
		bad := b.poller.bus.Counts().Busy
		t.Logf("the line was busy for %v of %v", bad, rounds*every)
	})
}

// TestNoQuirkCostsAValue: whatever habits a meter has, its values come, each
// round from the third on.
func TestNoQuirkCostsAValue(t *testing.T) {
	for _, q := range dlt645test.AllQuirks() {
		if q.Name == "endless" || q.Name == "babble" {
			continue // nobody can tell what is the value; their neighbours are seen to above
		}
		t.Run(q.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				timing := testTiming
				timing.Timeout, timing.Gap, timing.Retries = 3*time.Second, 110*time.Millisecond, 1
				m := dlt645test.NewMeter(unit1, 3)
				if err := m.Give(q.Name); err != nil {
					t.Fatal(err)
				}
				b := newBench(timing, []*dlt645test.Meter{m}, Group{Every: time.Minute, Points: pointsOf(t, "voltage", "current", "frequency", "energy.forward.total")})
				b.run(t, 10*time.Minute+30*time.Second)
				if len(b.readings) < 10 {
					t.Fatalf("%d readings in ten minutes", len(b.readings))
				}
				for i, r := range b.readings[2:] {
					if len(r.Values) != 10 { // with the energies of day and month
						t.Errorf("reading %d has %d values, want 10: %v", i+2, len(r.Values), r.Values)
					}
				}
			})
		})
	}
}

// TestARoundThatWasPutAsideIsHandedOnAtTheEnd: the daemon ends while a request
// that was lost waits for its retry.
func TestARoundThatWasPutAsideIsHandedOnAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		meters := simulated(2)
		timing := testTiming
		timing.Retries = 2
		meters[0].Quirks.Answer = func(req dlt645.Frame) []byte {
			if len(req.Data) == 4 && req.Data[3] == 0x02 && req.Data[2] == 0x80 { // frequency
				return []byte{}
			}
			return nil
		}
		b := newBench(timing, meters, Group{Every: time.Minute, Points: pointsOf(t, "voltage", "frequency")})
		b.run(t, 1600*time.Millisecond) // the other one is being read
		of := map[dlt645.Address]int{}
		for _, r := range b.readings {
			of[r.Meter] = len(r.Values)
		}
		if of[meters[0].Address] != 3 {
			t.Errorf("the round that waits has %d values at the end, want the 3 that were read: %v", of[meters[0].Address], b.readings)
		}
	})
}
