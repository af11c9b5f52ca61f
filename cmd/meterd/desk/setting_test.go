package desk

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"meterd/dlt645"
	"meterd/meter"
)

// TestASettingIsReadBackAndTold: a point is set as it is read, with the
// transformers' ratio in it; what the register cannot hold is not sent, and the
// new value is told as a reading.
func TestASettingIsReadBackAndTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "", func(h *meter.Handle) { h.CT, h.PT = 20, 3 }, 2)
		defer b.end()
		b.meters[0].Set(0x04000E01, []byte{0, 0, 0})
		b.meters[1].Set(0x04000E01, []byte{0, 0, 0})
		b.meters[0].Set(0x04000E04, []byte{0, 0})
		for i, c := range []struct {
			meter          int
			point, value   string
			outcome, wrote string
			told           string
		}{
			{0, "limit.power", "6.006", "done", "011000", "[limit.power=6.0060]"},
			{0, "limit.power", "6.0001", "invalid", "", "[]"}, // 60 times no step of the register
			{0, "limit.power", "6000", "invalid", "", "[]"},
			{1, "limit.power", "6.0001", "done", "010006", "[limit.power=6.0001]"},
			{1, "limit.power", "-1", "invalid", "", "[]"},
			{0, "limit.voltage.min", "600.0", "done", "0020", "[limit.voltage.min=600.0]"},
			{0, "04000E01", "6.006", "done", "600006", "[]"}, // an identifier is what the meter has
		} {
			id := fmt.Sprint("s", i)
			before := b.frames()
			b.mu.Lock()
			b.told = nil
			b.mu.Unlock()
			op := meter.OpSet
			if c.point[0] == '0' {
				op = meter.OpWrite
			}
			b.ask(meter.Command{Op: op, Meter: b.all[c.meter], Point: c.point, Value: c.value, ID: id})
			if got := b.answered(id); len(got) != 1 || got[0] != c.outcome {
				t.Errorf("%s = %s: got %v, want %s", c.point, c.value, got, c.outcome)
			}
			wrote := ""
			if b.frames() > before {
				frame := b.sent[len(b.sent)-1]
				wrote = fmt.Sprintf("%X", frame.Data[12:]) // behind identifier, password and operator
			}
			if wrote != c.wrote || b.frames()-before > 1 {
				t.Errorf("%s = %s: %d frames, the last writes %q, want %q", c.point, c.value, b.frames()-before, wrote, c.wrote)
			}
			told := "["
			for _, v := range b.told {
				told += v.Point + "=" + v.Value.String()
			}
			if told+"]" != c.told {
				t.Errorf("%s = %s: told %s], want %s", c.point, c.value, told, c.told)
			}
		}
	})
}

// TestALongWriteIsSentAndTold: the standard allows 50 bytes of data, and some
// meters take more.
func TestALongWriteIsSentAndTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "", nil, 1)
		defer b.end()
		var log strings.Builder
		b.desk.Log = slog.New(slog.NewTextHandler(&log, nil))
		b.meters[0].Set(0x04800001, nil)
		for n, warns := range map[int]bool{38: false, 39: true} {
			log.Reset()
			before := b.frames()
			b.ask(meter.Command{Op: meter.OpWrite, Meter: b.all[0], Point: "04800001", Value: strings.Repeat("7", n), ID: fmt.Sprint("w", n)})
			b.answered(fmt.Sprint("w", n))
			time.Sleep(2 * time.Minute) // an identifier is set once a minute
			if told := strings.Contains(log.String(), "a write is longer than the standard allows"); told != warns || b.frames() != before+1 {
				t.Errorf("%d bytes: %d frames, told %v, want 1, %v: %s", n, b.frames()-before, told, warns, &log)
			}
		}
	})
}

// TestWhatIsReadForAllIsTold: such a read is answered without values.
func TestWhatIsReadForAllIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "", nil, 1)
		defer b.end()
		var got meter.Result
		b.desk.Ask(meter.Command{Op: meter.OpRead, Told: true, Meter: b.all[0], Points: []string{"frequency", "relay"}, By: "u", ID: "1"}, func(r meter.Result) { got = r })
		b.answered("1")
		if got.Outcome != meter.Done || len(got.Values) != 0 || len(b.told) != 3 { // relay comes from status.3
			t.Errorf("got %+v, told %v", got, b.told)
		}
		b.lines[0].Unplug(true)
		b.desk.Ask(meter.Command{Op: meter.OpRead, Told: true, Meter: b.all[0], Points: []string{"frequency"}, By: "u", ID: "2"}, func(r meter.Result) { got = r })
		b.answered("2")
		if got.Outcome != meter.NoAnswer || len(b.told) != 3 {
			t.Errorf("a dead meter: got %+v, told %v", got, b.told)
		}
	})
}

// TestAThingIsSetOnceAMinute by platforms, each thing by itself; the same
// command again is told its outcome, and what did not go to the meter keeps
// nothing away.
func TestAThingIsSetOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "", nil, 2)
		defer b.end()
		for _, m := range b.meters {
			m.Set(0x04000E01, []byte{0, 0, 0})
			m.Set(0x04000F01, []byte{0, 0, 0, 0})
		}
		ask := func(i int, id, point, value string) string {
			t.Helper()
			op := meter.OpSet
			if point[0] == '0' {
				op = meter.OpWrite
			}
			b.ask(meter.Command{Op: op, Meter: b.all[i], Point: point, Value: value, ID: id})
			time.Sleep(5 * time.Second)
			synctest.Wait()
			b.mu.Lock()
			defer b.mu.Unlock()
			return fmt.Sprint(b.results[id])
		}
		for _, c := range []struct {
			meter            int
			id, point, value string
			want             string
		}{
			{0, "a", "limit.power", "1", "[done]"},
			{0, "b", "limit.power", "2", "[busy]"},
			{0, "b2", "04000E01", "3", "[busy]"}, // the same register
			{0, "b3", "04000e01", "3", "[busy]"},
			{0, "a", "limit.power", "1", "[done done]"},
			{1, "c", "limit.power", "2", "[done]"},
			{0, "d", "limit.credit", "2", "[done]"},
			{0, "e", "limit.voltage.min", "x", "[invalid]"},
			{0, "f", "limit.voltage.min", "180", "[refused]"}, // the meter has none
			{0, "g", "limit.voltage.min", "180", "[busy]"},
		} {
			if got := ask(c.meter, c.id, c.point, c.value); got != c.want {
				t.Errorf("%s: %s = %s: got %s, want %s", c.id, c.point, c.value, got, c.want)
			}
		}
		if r := b.desk.Do(t.Context(), meter.Command{Op: meter.OpSet, Meter: b.all[0], Point: "limit.power", Value: "3"}); r.Outcome != meter.Done {
			t.Errorf("a person: %+v", r)
		}
		time.Sleep(time.Minute)
		if got := ask(0, "h", "limit.power", "4"); got != "[done]" {
			t.Errorf("after a minute: %s", got)
		}
	})
}

// TestASettingIsOfTheMetersEdition: a point is the register, and has the form,
// that the meter's own edition gives it.
func TestASettingIsOfTheMetersEdition(t *testing.T) {
	d := New(Config{Points: &meter.Points{}})
	for _, c := range []struct {
		meter       meter.Handle
		point, want string
	}{
		{meter.Handle{}, "voltage.a", "02010100 0022"},
		{meter.Handle{Auto: true, Protocol: dlt645.V1997}, "voltage.a", "02010100 0022"}, // not known here
		{meter.Handle{Protocol: dlt645.V1997}, "voltage.a", "B611 2002"},
		{meter.Handle{Protocol: dlt645.V1997}, "energy.combined.total", "a meter of the 1997 edition has no register for energy.combined.total"},
		{meter.Handle{Protocol: dlt645.V1997}, "B611", "B611 2002"}, // as it is written
	} {
		di, value, err := d.Points.Settable(&c.meter, c.point, "220")
		got := fmt.Sprintf("%s %X", di, value)
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s of %+v: got %s, want %s", c.point, c.meter, got, c.want)
		}
	}
}
