package meter

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"meterd/dlt645"
	"meterd/dlt645/dlt645test"
)

// TestFaultsOfMetersThatLackAWord: a meter of one phase may have no words of
// the other two, none of what is common to three, or no block; what it has
// tells. One that has neither a phase's word nor word 7 tells nothing.
func TestFaultsOfMetersThatLackAWord(t *testing.T) {
	for name, c := range map[string]struct {
		lacks []uint32
		want  string // "-": nothing is told
	}{
		"all words":                {nil, "over-voltage.a,demand-over"},
		"no words of the others":   {[]uint32{0x04000505, 0x04000506}, "over-voltage.a,demand-over"},
		"no block, no word 7":      {[]uint32{0x040005FF, 0x04000505, 0x04000506, 0x04000507}, "over-voltage.a"},
		"no block, word 7 alone":   {[]uint32{0x040005FF, 0x04000504, 0x04000505, 0x04000506}, "demand-over"},
		"neither, in a block":      {[]uint32{0x04000504, 0x04000505, 0x04000506, 0x04000507}, "-"},
		"neither, one by one":      {[]uint32{0x040005FF, 0x04000504, 0x04000505, 0x04000506, 0x04000507}, "-"},
		"none but words 1 and 3":   {[]uint32{0x040005FF, 0x04000502, 0x04000504, 0x04000505, 0x04000506, 0x04000507}, "-"},
		"no word 7, in a block":    {[]uint32{0x04000507}, "over-voltage.a"},
		"no word of A, in a block": {[]uint32{0x04000504}, "demand-over"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := dlt645test.NewMeter(unit1, 1)
				m.Set(0x04000504, []byte{1 << 2, 0})
				m.Set(0x04000507, []byte{1 << 6, 0})
				m.Quirks.Lacks = func(code uint32) bool {
					for _, l := range c.lacks {
						if code == l {
							return true
						}
					}
					return false
				}
				for _, l := range c.lacks { // so that it is not in a block either
					m.Set(l, nil)
				}
				b := newBench(testTiming, []*dlt645test.Meter{m}, Group{Every: time.Minute, Points: pointsOf(t, "frequency", "relay", "fault")})
				b.run(t, 90*time.Second)
				if len(b.readings) != 2 {
					t.Fatalf("%d readings", len(b.readings))
				}
				for _, r := range b.readings {
					got := "-"
					if v, ok := r.Value("fault"); ok {
						got = v.Text
					}
					if got != c.want {
						t.Errorf("got %q of %+v, want %q", got, r.Values, c.want)
					}
				}
			})
		})
	}
}

// TestFaultsNeedBothWordsOfAMeterThatMayHaveThem: a word that was not asked
// for, or got lost, is no sign that its faults are gone.
func TestFaultsNeedBothWordsOfAMeterThatMayHaveThem(t *testing.T) {
	word := func(n string) Reading {
		return Reading{Values: []PointValue{{"status." + n, dlt645.Value{Kind: dlt645.Bits, Text: "0000"}}}}
	}
	now := time.Unix(1700000000, 0)
	lacking := &Learned{}
	lacking.lack(dlt645.DI{Code: 0x04000507}, now.Add(time.Hour))
	for name, c := range map[string]struct {
		r    Reading
		t    told
		want bool
	}{
		"word 7 is not asked for":          {word("4"), told{true, pointsOf(t, "status.4"), nil, lacking, now}, false},
		"word 7 is not answered":           {word("4"), told{true, pointsOf(t, "status"), nil, &Learned{}, now}, false},
		"word 7 is lacking":                {word("4"), told{true, pointsOf(t, "status"), nil, lacking, now}, true},
		"word 7 is lacking, one was lost":  {word("4"), told{false, pointsOf(t, "status"), nil, lacking, now}, false},
		"word 7 was lacking a long time":   {word("4"), told{true, pointsOf(t, "status"), nil, lacking, now.Add(2 * time.Hour)}, false},
		"no phase's word is answered":      {word("7"), told{true, pointsOf(t, "status"), nil, lacking, now}, false},
		"words 1 and 3 alone are answered": {word("3"), told{true, pointsOf(t, "status"), nil, lacking, now}, false},
	} {
		derive(&c.r, time.UTC, time.Time{}, c.t)
		if v, got := c.r.Value("fault"); got != c.want {
			t.Errorf("%s: got %v %q, want %v", name, got, v.Text, c.want)
		}
	}
}

// TestTheTimeOfASettlement is the last instant by the meter's rules, if its
// energy was read with them. A meter may settle on three days of the month: the
// energy is that of the last of them, whichever it is.
func TestTheTimeOfASettlement(t *testing.T) {
	shanghai := time.FixedZone("CST", 8*3600)
	const none, lost = "none", ""
	for _, c := range []struct {
		rules    [3]string
		at, want string
	}{
		{[3]string{"01 00", none, none}, "2026-11-20 10:15:00", "2026-11-01 00:00"},
		{[3]string{"25 08", none, none}, "2026-11-20 10:15:00", "2026-10-25 08:00"},
		{[3]string{"20 10", none, none}, "2026-11-20 10:15:00", "2026-11-20 10:00"},
		{[3]string{"20 10", none, none}, "2026-11-20 10:09:59", ""}, // has the meter settled yet?
		{[3]string{"20 10", none, none}, "2026-11-20 09:50:01", ""},
		{[3]string{"20 10", none, none}, "2026-11-20 09:50:00", "2026-10-20 10:00"},
		{[3]string{"01 00", none, none}, "2026-11-30 23:50:01", ""}, // or already?
		{[3]string{"01 00", none, none}, "2026-11-30 23:50:00", "2026-11-01 00:00"},
		{[3]string{"28 23", none, none}, "2026-01-05 00:00:00", "2025-12-28 23:00"},
		{[3]string{"28 00", none, none}, "2026-03-01 12:00:00", "2026-02-28 00:00"},
		{[3]string{"29 00", none, none}, "2026-11-30 12:00:00", ""}, // not each month has one
		{[3]string{none, none, none}, "2026-11-20 10:15:00", ""},
		{[3]string{lost, none, none}, "2026-11-20 10:15:00", ""},
		{[3]string{"01 24", none, none}, "2026-11-20 10:15:00", ""},
		{[3]string{"01 00", "15 00", none}, "2026-11-20 10:15:00", "2026-11-15 00:00"},
		{[3]string{"01 00", "11 00", "21 00"}, "2026-11-20 10:15:00", "2026-11-11 00:00"},
		{[3]string{"01 00", "11 00", "21 00"}, "2026-11-05 10:15:00", "2026-11-01 00:00"},
		{[3]string{"05 00", "11 00", "21 00"}, "2026-11-04 10:15:00", "2026-10-21 00:00"},
		{[3]string{"01 00", "20 10", none}, "2026-11-20 10:05:00", ""},
		{[3]string{none, "15 00", none}, "2026-11-20 10:15:00", "2026-11-15 00:00"},
		{[3]string{"01 00", "29 00", none}, "2026-11-20 10:15:00", ""},
		{[3]string{"01 00", lost, none}, "2026-11-20 10:15:00", ""},
		{[3]string{"01 00", none, lost}, "2026-11-20 10:15:00", ""},
	} {
		at, err := time.ParseInLocation(time.DateTime, c.at, shanghai)
		if err != nil {
			t.Fatal(err)
		}
		var rules []PointValue
		said := told{known: &Learned{}, now: at}
		for i, rule := range c.rules {
			said.asked = append(said.asked, Point{Name: settlementDays[i]})
			switch rule {
			case lost:
			case none:
				said.blank = append(said.blank, settlementDays[i])
			default:
				rules = append(rules, PointValue{settlementDays[i], dlt645.Value{Kind: dlt645.Time, Text: rule}})
			}
		}
		all := append(slices.Clone(rules), PointValue{"settlement.forward.total", dlt645.Value{Kind: dlt645.Number}})
		r := Reading{Time: at, Trusted: true, Values: all}
		derive(&r, shanghai, time.Time{}, said)
		if v, _ := r.Value("settlement.time"); v.Text != c.want {
			t.Errorf("%q at %s: got %q, want %q", c.rules, c.at, v.Text, c.want)
		}
		for _, r := range []Reading{{Time: at, Trusted: true, Values: rules}, {Time: at, Values: all}, {Time: at, Trusted: true, Doubtful: true, Values: all}} {
			derive(&r, shanghai, time.Time{}, said)
			if v, ok := r.Value("settlement.time"); ok {
				t.Errorf("%q at %s, without energy or a clock: got %q", c.rules, c.at, v.Text)
			}
		}
	}
}

func TestTheGreatestCurrentOfANameplate(t *testing.T) {
	for text, want := range map[string]string{"60A": "60", "5(60)A": "60", "1.5(6)A": "6", "100.0A": "100.0", "": "", "A": "", "5(A": "", "(60": "60", "0A": ""} {
		got, ok := Greatest(text)
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("%q: got %v, %v, want %q", text, got, ok, want)
		}
	}
	var l Learned
	l.rated(&Reading{Values: []PointValue{{"meter.rated.voltage", text("220.0V")}, {"meter.rated.most", text("5(60)A")}}})
	if l.Rating != "59.4000" { // 3 × 1.5 × 220 V × 60 A
		t.Errorf("the rating is %s kW", l.Rating)
	}
}

// TestLimitsHaveTheTransformersRatio as what they are held against has it.
func TestLimitsHaveTheTransformersRatio(t *testing.T) {
	for name, want := range map[string]int64{
		"limit.power": 6000, "trigger.power": 6000, "limit.credit": 6000, "limit.voltage.min": 100, "trigger.voltage.max": 100, "delay.current": 1, "voltage.a": 100, "battery.clock": 1,
	} {
		if got := ratio(pointsOf(t, name)[0], 60, 100); got != want {
			t.Errorf("%s: got %d, want %d", name, got, want)
		}
	}
}
