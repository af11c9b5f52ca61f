package meter

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/dlt645/dlt645test"
)

// roundOf gives one round of some three-phase meters, as records.
func roundOf(t testing.TB, meters int, at time.Time, points ...string) (records [][]byte, values int) {
	t.Helper()
	reqs := Plan(pointsOf(t, points...), dlt645.V2007)
	var ps Points
	for n := range meters {
		var a dlt645.Address
		a[0], a[4], a[5] = 0x20, 1, byte(n/10%10)<<4|byte(n%10)
		m := dlt645test.NewMeter(a, 3)
		r := Reading{Meter: a, Round: at, Time: at.Add(time.Duration(n) * 1850 * time.Millisecond), Trusted: true, Boot: 7, Uptime: time.Hour + time.Duration(n)*1850*time.Millisecond}
		for _, req := range reqs {
			ans, ok := m.Answer(dlt645.ReadRequest(a, req.DI), r.Time)
			if !ok {
				t.Fatalf("meter %d does not answer %v", n, req.DI)
			}
			items, err := dlt645.Decode(nil, req.DI, ans.Payload())
			if err != nil {
				t.Fatal(err)
			}
			for _, it := range items {
				if p, ok := ps.Of(it); ok {
					r.add(p.Name, it.Value)
				}
			}
		}
		values += len(r.Values)
		rec, _ := r.AppendBinary(nil)
		records = append(records, rec)
	}
	return records, values
}

var standardSet = []string{"energy.forward", "energy.reverse", "voltage", "current", "power.active", "power.reactive", "power.factor", "frequency"}

var roundTime = time.Date(2026, 11, 20, 10, 15, 0, 0, time.UTC)

func checkPacked(t *testing.T, records [][]byte) []byte {
	t.Helper()
	block := Packing{}.Pack(nil, records)
	again, err := Packing{}.Unpack(block, packVersion)
	if err != nil || !slices.EqualFunc(again, records, bytes.Equal) {
		t.Fatalf("%d records came back as %d, %v", len(records), len(again), err)
	}
	return block
}

func TestPackedRecordsComeBackExactly(t *testing.T) {
	real, _ := roundOf(t, 5, roundTime, standardSet...)
	odd := Reading{Meter: unit1, Time: roundTime, Round: roundTime, Values: []PointValue{
		{"a.custom.point", dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: math.MinInt64, Scale: 18}}},
		{"voltage.a", dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: math.MaxInt64}}},
		{"status.1", dlt645.Value{Kind: dlt645.Bits, Text: "0050"}},
		{"voltage.b", dlt645.Value{}},
		{"voltage.c", dlt645.Value{Kind: dlt645.Invalid, Text: "12CE56"}},
	}}
	other := odd
	other.Values = slices.Clone(odd.Values)
	other.Values[0].Value.Dec.Coef, other.Values[1].Value.Dec.Coef = 3, -5
	event := Event{Kind: "online", Meter: unit1, Time: roundTime}
	e, _ := event.AppendBinary(nil)
	a, _ := odd.AppendBinary(nil)
	b, _ := other.AppendBinary(nil)
	empty, _ := (&Reading{Meter: unit1, Time: roundTime, Round: roundTime}).AppendBinary(nil)
	for name, records := range map[string][][]byte{
		"none": {}, "one": real[:1], "several": real, "extremes": {a, b, a}, "no reading": {[]byte("letters"), {}, e},
		"mixed": {real[0], e, a, real[1], []byte("x"), b, empty, real[2], empty},
	} {
		t.Run(name, func(t *testing.T) { checkPacked(t, records) })
	}
}

func TestPackingSurvivesRandomReadings(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 45))
	for range 300 {
		var records [][]byte
		for range rng.IntN(40) {
			r := Reading{Meter: numberAddress(rng.Int64N(1 << 48)), Time: time.UnixMilli(rng.Int64N(1 << 41)), Trusted: rng.IntN(2) == 0, Boot: rng.Uint32N(3), Uptime: time.Duration(rng.Int64N(1<<30)) * time.Millisecond}
			r.Round = r.Time.Add(time.Duration(rng.IntN(2000)-1000) * time.Millisecond)
			for _, name := range standardSet[:rng.IntN(len(standardSet))] {
				r.add(name, dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: int64(rng.Uint64()) >> rng.IntN(64), Scale: uint8(rng.IntN(5))}})
			}
			rec, _ := r.AppendBinary(nil)
			records = append(records, rec)
		}
		checkPacked(t, records)
	}
}

func TestAPackedRoundTakesLessThanThreeBytesAPoint(t *testing.T) {
	records, values := roundOf(t, 32, roundTime, standardSet...)
	if values != 32*29 {
		t.Fatalf("%d values, want 928", values)
	}
	if n := len(checkPacked(t, records)); n > 5*512-100 || n < values {
		t.Errorf("%d bytes for %d values: with the frame's header that is not 5 units of 512", n, values)
	}
}

func TestNamesOfPackedPointsKeepTheirPlace(t *testing.T) {
	if packedNames[0] != "energy.forward.total" || packedNames[34] != "energy.phase.b" || len(packedNames) < 104 {
		t.Errorf("names moved: [0] %s, [34] %s, %d names", packedNames[0], packedNames[34], len(packedNames))
	}
	var ps Points
	for _, name := range ps.Names() {
		if p, ok := ps.Lookup(name); ok && !slices.Contains(packedNames, p.Name) {
			t.Errorf("%s is not among the packed names: add it after the last", p.Name)
		}
	}
	sorted := slices.Sorted(slices.Values(packedNames))
	if len(slices.Compact(sorted)) != len(packedNames) {
		t.Error("a name is there twice: " + strings.Join(sorted, " "))
	}
}

func FuzzUnpack(f *testing.F) {
	records, _ := roundOf(f, 2, roundTime, "voltage", "status")
	f.Add(Packing{}.Pack(nil, records))
	f.Add(Packing{}.Pack(nil, [][]byte{[]byte("abc"), records[0]}))
	f.Fuzz(func(t *testing.T, b []byte) {
		records, err := Packing{}.Unpack(b, packVersion)
		if err != nil {
			return
		}
		block := Packing{}.Pack(nil, records)
		again, err := Packing{}.Unpack(block, packVersion)
		if err != nil || !slices.EqualFunc(again, records, bytes.Equal) {
			t.Errorf("%x gives %d records, packed again %d, %v", b, len(records), len(again), err)
		}
	})
}
