package export

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/store"
)

var zone = time.FixedZone("", 8*3600)

func number(coef int64, scale uint8) dlt645.Value {
	return dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: coef, Scale: scale}}
}

// ringOf is a ring with these readings.
func ringOf(t *testing.T, all ...meter.Reading) *store.Ring {
	t.Helper()
	r, err := store.Open(filepath.Join(t.TempDir(), "x.ring"), store.Options{Geometry: store.Geometry{Size: 1 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	for _, reading := range all {
		b, err := reading.AppendBinary(nil)
		if err == nil {
			_, err = r.Append(b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// disk is a folder in memory.
type disk map[string]string

func (d disk) write(name string, first bool, b []byte) error {
	if first == (d[name] != "") {
		return errors.New("begun twice, or not begun")
	}
	d[name] += string(b)
	return nil
}

func at(month time.Month, day, hour int) time.Time {
	return time.Date(2026, month, day, hour, 0, 0, 0, zone)
}

// TestAFileForEachMeterAndMonth, by the board's time zone, with a column for each
// point that is in it.
func TestAFileForEachMeterAndMonth(t *testing.T) {
	a, b := dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, 0x01}, dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, 0x02}
	volts := func(v int64) []meter.PointValue { return []meter.PointValue{{Point: "voltage.a", Value: number(v, 1)}} }
	ring := ringOf(t,
		meter.Reading{Meter: a, Time: at(11, 1, 0).Add(-time.Second), Trusted: true, Values: volts(2201)},
		meter.Reading{Meter: a, Time: at(11, 1, 0), Trusted: true, Values: volts(2202)},
		meter.Reading{Meter: b, Time: at(11, 1, 0), Trusted: true, Values: volts(2203)},
		meter.Reading{Meter: a, Time: at(11, 1, 1), Trusted: true, Recalled: true, Values: []meter.PointValue{{Point: "energy.forward.total", Value: number(-123456, 2)}}},
		meter.Reading{Meter: a, Time: at(11, 1, 2), Trusted: true, Recalled: true, Doubtful: true, Values: volts(2204)},
		meter.Reading{Meter: b, Time: time.Date(1970, 1, 1, 0, 1, 0, 0, time.UTC), Boot: 1, Values: volts(2205)},
	)
	d := disk{}
	r, err := Readings(t.Context(), Config{Ring: ring, Points: &meter.Points{}, Zone: zone, Write: d.write,
		Meters: []*meter.Handle{{Name: "一单元 101", Address: a}, {Name: "=cmd|' /C calc'!A1", Address: b}}})
	if err != nil || r != (Result{Files: 4, Meters: 2, Readings: 6}) {
		t.Errorf("%+v, %v", r, err)
	}
	for name, want := range map[string]string{
		a.String() + "-2026-10.csv": "\ufefftime,meter,source,voltage.a (V)\r\n2026-10-31 23:59:59,一单元 101,live,220.1\r\n",
		a.String() + "-2026-11.csv": "\ufefftime,meter,source,energy.forward.total (kWh),voltage.a (V)\r\n2026-11-01 00:00:00,一单元 101,live,,220.2\r\n" +
			"2026-11-01 01:00:00,一单元 101,memory,-1234.56,\r\n2026-11-01 02:00:00,一单元 101,\"memory, doubtful\",,220.4\r\n",
		b.String() + "-2026-11.csv": "\ufefftime,meter,source,voltage.a (V)\r\n2026-11-01 00:00:00,'=cmd|' /C calc'!A1,live,220.3\r\n",
		b.String() + "-undated.csv": "\ufefftime,meter,source,voltage.a (V)\r\n1970-01-01 08:01:00,'=cmd|' /C calc'!A1,live,220.5\r\n",
	} {
		if d[name] != want {
			t.Errorf("%s is %q, want %q", name, d[name], want)
		}
	}
	if len(d) != 4 {
		t.Errorf("%d files", len(d))
	}
}

// TestOthersGoFirst: a thousand readings take pauses of a millisecond each 64,
// twice, and no other time.
func TestOthersGoFirst(t *testing.T) {
	var all []meter.Reading
	for i := range 1000 {
		all = append(all, meter.Reading{Meter: dlt645.Address{1}, Time: at(11, 1, 0).Add(time.Duration(i) * time.Second), Trusted: true, Values: []meter.PointValue{{Point: "voltage.a", Value: number(int64(i), 1)}}})
	}
	ring := ringOf(t, all...)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		d := disk{}
		r, err := Readings(t.Context(), Config{Ring: ring, Points: &meter.Points{}, Zone: zone, Write: d.write})
		if err != nil || r.Readings != 1000 || r.Files != 1 {
			t.Errorf("%+v, %v", r, err)
		}
		if took := time.Since(began); took != 2*(1000/64)*time.Millisecond {
			t.Errorf("it paused for %v", took)
		}
		for _, text := range d {
			if n := strings.Count(text, "\r\n"); n != 1001 {
				t.Errorf("%d lines", n)
			}
		}
	})
}

// TestAStickThatIsFullOrPulledEndsIt, and what was written is told.
func TestAStickThatIsFullOrPulledEndsIt(t *testing.T) {
	var all []meter.Reading
	for i := range 3000 {
		all = append(all, meter.Reading{Meter: dlt645.Address{1}, Time: at(11, 1, 0).Add(time.Duration(i) * time.Second), Trusted: true, Values: []meter.PointValue{{Point: "voltage.a", Value: number(int64(i), 1)}}})
	}
	ring := ringOf(t, all...)
	full := errors.New("no space left on device")
	writes := 0
	r, err := Readings(t.Context(), Config{Ring: ring, Points: &meter.Points{}, Zone: zone, Write: func(string, bool, []byte) error {
		if writes++; writes == 3 {
			return full
		}
		return nil
	}})
	if !errors.Is(err, full) || r.Files != 1 || r.Readings == 0 || r.Readings >= 3000 || writes != 3 {
		t.Errorf("full: %+v, %v after %d writes", r, err, writes)
	}
	ctx, pull := context.WithCancel(t.Context())
	if r, err := Readings(ctx, Config{Ring: ring, Points: &meter.Points{}, Zone: zone, Write: func(string, bool, []byte) error { pull(); return nil }}); !errors.Is(err, context.Canceled) || r.Readings >= 3000 {
		t.Errorf("pulled: %+v, %v", r, err)
	}
}

// TestFilesAreBounded: more meters than that are counted, and not written.
func TestFilesAreBounded(t *testing.T) {
	var all []meter.Reading
	for i := range mostFiles + 10 {
		all = append(all, meter.Reading{Meter: dlt645.Address{byte(i / 100 / 10 * 16), byte(i / 100 % 10), byte(i%100/10*16 + i%10)}, Time: at(11, 1, 0), Trusted: true, Values: []meter.PointValue{{Point: "voltage.a", Value: number(1, 1)}}})
	}
	d := disk{}
	r, err := Readings(t.Context(), Config{Ring: ringOf(t, all...), Points: &meter.Points{}, Zone: zone, Write: d.write})
	if err != nil || r.Files != mostFiles || len(d) != mostFiles || r.Skipped != 10 {
		t.Errorf("%+v, %v", r, err)
	}
	names := []string{}
	for name := range d {
		names = append(names, name)
	}
	slices.Sort(names)
	if len(slices.Compact(names)) != mostFiles {
		t.Error("names are alike")
	}
}

// TestWhatComesMeanwhileIsNotHalfWritten: a reading that comes while the columns are
// gathered has points that none is for, and stays for the next time.
func TestWhatComesMeanwhileIsNotHalfWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all []meter.Reading
		for n := range pauseEvery {
			all = append(all, meter.Reading{Meter: dlt645.Address{1}, Trusted: true, Time: at(11, 1, 0).Add(time.Duration(n) * time.Minute), Values: []meter.PointValue{{Point: "voltage.a", Value: number(2201, 1)}}})
		}
		ring := ringOf(t, all...)
		go func() {
			time.Sleep(pause / 2)
			late := meter.Reading{Meter: dlt645.Address{1}, Trusted: true, Time: at(11, 1, 2), Values: []meter.PointValue{{Point: "frequency", Value: number(5000, 2)}}}
			b, err := late.AppendBinary(nil)
			if err == nil {
				_, err = ring.Append(b)
			}
			if err != nil {
				t.Error(err)
			}
		}()
		d := disk{}
		r, err := Readings(t.Context(), Config{Ring: ring, Points: &meter.Points{}, Zone: zone, Write: d.write})
		if err != nil || r.Readings != pauseEvery || ring.Last() != pauseEvery+1 {
			t.Errorf("%+v of %d, %v", r, ring.Last(), err)
		}
		if r, err := Readings(t.Context(), Config{Ring: ring, Points: &meter.Points{}, Zone: zone, Write: (disk{}).write}); err != nil || r.Readings != pauseEvery+1 {
			t.Errorf("the next time: %+v, %v", r, err)
		}
	})
}
