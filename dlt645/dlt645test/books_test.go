package dlt645test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"meterd/dlt645"
)

// zone is that of the meters' clocks in these tests: it is not the machine's.
var zone = time.FixedZone("", 8*3600)

func day(year, month, d, hour, minute int) time.Time {
	return time.Date(year, time.Month(month), d, hour, minute, 0, 0, zone)
}

// kilowatt gives a meter that takes 1 kW and 0.5 kvar from then on, so that
// its forward total moves by 1 kWh an hour.
func kilowatt(since time.Time) *Meter {
	m := NewMeter(unit, 3)
	m.Zone, m.Since = zone, since
	m.Consume = func(time.Time) Power { return Power{1000, 500} }
	for t := range uint32(5) {
		m.SetRegister(0x00010000|t<<8, 0, since)
	}
	return m
}

// said asks for an identifier with all follow-up frames, and gives the decoded
// values with commas between, or what the meter refuses with.
func said(t *testing.T, m *Meter, di dlt645.DI, req dlt645.Frame, now time.Time) string {
	t.Helper()
	var all dlt645.Assembly
	for {
		ans, ok := ask(t, m, req, now)
		if !ok {
			return "silence"
		}
		if ans.Control.Refusal() {
			return fmt.Sprintf("%X", ans.Data)
		}
		more, err := all.Add(ans)
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			break
		}
		req = all.Next(unit)
	}
	items, err := dlt645.Decode(nil, di, all.Data())
	if err != nil {
		t.Fatalf("%s: %v", di, err)
	}
	var values []string
	for _, i := range items {
		switch i.Value.Kind {
		case dlt645.Absent:
			values = append(values, "absent")
		case dlt645.Invalid:
			values = append(values, "bad")
		default:
			values = append(values, i.Value.String())
		}
	}
	return strings.Join(values, ", ")
}

func saysOf(t *testing.T, m *Meter, code uint32, now time.Time) string {
	t.Helper()
	di := dlt645.DI{Code: code}
	if m.Protocol == dlt645.V1997 {
		di.Protocol = dlt645.V1997
	}
	return said(t, m, di, dlt645.ReadRequest(unit, di), now)
}

func loadOf(t *testing.T, m *Meter, code uint32, n byte, from, now time.Time) string {
	t.Helper()
	di := dlt645.DI{Code: code}
	return said(t, m, di, dlt645.LoadRequest(unit, di, n, from), now)
}

// asked is what a meter is asked for, and must say.
type asked struct {
	code uint32
	want string
}

func (list asked) check(t *testing.T, m *Meter, now time.Time) {
	t.Helper()
	if got := saysOf(t, m, list.code, now); got != list.want {
		t.Errorf("%08X: got %q, want %q", list.code, got, list.want)
	}
}

func checkAll(t *testing.T, m *Meter, now time.Time, list []asked) {
	t.Helper()
	for _, a := range list {
		a.check(t, m, now)
	}
}

func TestAYearOfMonths(t *testing.T) {
	m := kilowatt(day(2023, 12, 31, 0, 0))
	now := day(2025, 1, 1, 0, 30)
	// The hours of 2024 by months, a leap year, and the day before it.
	checkAll(t, m, now, []asked{
		{0x00010000, "8808.50"},
		{0x00010001, "8808.00"}, // 1 January 2025: 1 + 366 days
		{0x00010002, "8064.00"}, // 1 December: 31 days less
		{0x00010003, "7344.00"}, // 1 November: 30
		{0x0001000A, "2208.00"}, // 1 April
		{0x0001000B, "1464.00"}, // 1 March: 1 + 31 + 29 days
		{0x0001000C, "768.00"},  // 1 February
		{0x00010101, "2202.00"}, // a quarter of each day is tariff 1's
		{0x00000001, "8808.00"}, // combined
		{0x00050001, "4404.00"}, // quadrant I
		{0x00030001, "4404.00"}, // combined reactive 1
		{0x0001FF0C, "768.00, 192.00, 192.00, 192.00, 192.00"},
		{0x01010001, "1.0000, 2024-12-01 00:15"}, // of December
		{0x01020001, "0.0000, absent"},
		{0x05060101, "8808.00, 2202.00, 2202.00, 2202.00, 2202.00"},
		{0x05060001, "2025-01-01 00:00"},
		{0x0506013E, "7344.00, 1836.00, 1836.00, 1836.00, 1836.00"}, // 62nd: 1 November
		{0x0506013F, "02"},
		{0x050401FE, "8555.00"},
		{0x050401FF, "02"},
		{0x0504FF01, "2025-01-01 00:00, 8808.00, 0.00"},
	})
	if n := len(m.Settlements()); n != 12 {
		t.Errorf("%d settlements, want 12", n)
	}
	for _, c := range []struct {
		at   time.Time
		want string
		ok   bool
	}{
		{day(2023, 12, 30, 23, 59), "0.00", false},
		{day(2023, 12, 31, 0, 0), "0.00", true},
		{day(2024, 2, 29, 0, 0), "1440.00", true},
		{day(2024, 3, 1, 0, 0), "1464.00", true},
		{day(2024, 3, 1, 0, 1), "1464.01", true}, // 16.7 Wh
		{day(2024, 3, 1, 0, 3), "1464.05", true},
		{day(2026, 1, 1, 0, 0), "17568.00", true}, // to come
	} {
		got, ok := m.RegisterAt(0x00010000, c.at)
		if ok != c.ok || got.Coef != 0 && got.String() != c.want {
			t.Errorf("the register at %s is %s, %v, want %s, %v", c.at, got, ok, c.want, c.ok)
		}
	}
}

func TestThreeDaysAskedForAtOnce(t *testing.T) {
	m := kilowatt(day(2026, 11, 20, 0, 0))
	now := day(2026, 11, 23, 0, 10)
	checkAll(t, m, now, []asked{
		{0x05060001, "2026-11-23 00:00"}, {0x05060101, "72.00, 18.00, 18.00, 18.00, 18.00"},
		{0x05060002, "2026-11-22 00:00"}, {0x05060102, "48.00, 12.00, 12.00, 12.00, 12.00"},
		{0x05060003, "2026-11-21 00:00"}, {0x05060103, "24.00, 6.00, 6.00, 6.00, 6.00"},
		{0x05060004, "02"},
		{0x05060201, "0.00, 0.00, 0.00, 0.00, 0.00"},
		{0x05060301, "36.00, 9.00, 9.00, 9.00, 9.00"},
		{0x05060501, "36.00, 9.00, 9.00, 9.00, 9.00"},
		{0x05060801, "0.00, 0.00, 0.00, 0.00, 0.00"},
		{0x05061001, "1.0000, 0.3334, 0.3333, 0.3333, 0.5000, 0.1668, 0.1666, 0.1666"},
		{0x05040001, "2026-11-23 00:00"}, {0x05040101, "72.00"},
		{0x05040048, "2026-11-20 01:00"}, {0x05040148, "1.00"},
		{0x05040049, "02"},
	})
	const wholeDay = "2026-11-22 00:00, 48.00, 12.00, 12.00, 12.00, 12.00, "
	if got := saysOf(t, m, 0x0506FF02, now); !strings.HasPrefix(got, wholeDay) || strings.Count(got, ",") != 68 {
		t.Errorf("the block of a daily freeze is %q, want 69 values from %q on", got, wholeDay)
	}
	if ans, _ := m.Answer(dlt645.ReadRequest(unit, dlt645.DI{Code: 0x0506FF02}), now); !ans.Control.More() {
		t.Error("the block of a daily freeze comes in one frame")
	}
	for _, c := range []struct {
		name string
		code uint32
		n    byte
		from time.Time
		want string
	}{
		{"each with its own time and value", 0x06040001, 2, day(2026, 11, 21, 9, 50), "2026-11-21 10:00, 34.00, 0.00, 17.00, 0.00, 2026-11-21 10:15, 34.25, 0.00, 17.12, 0.00"},
		{"the latest, the oldest of them first", 0x06050002, 2, time.Time{}, "2026-11-22 23:45, 35.87, 0.00, 0.00, 0.00, 2026-11-23 00:00, 36.00, 0.00, 0.00, 0.00"},
		{"the earliest", 0x06040000, 1, time.Time{}, "2026-11-20 00:15, 0.25, 0.00, 0.12, 0.00"},
		{"of the future", 0x06040001, 1, day(2026, 11, 23, 0, 15), "02"},
	} {
		if got := loadOf(t, m, c.code, c.n, c.from, now); got != c.want {
			t.Errorf("load records, %s: got %q, want %q", c.name, got, c.want)
		}
	}
	if got := loadOf(t, m, 0x06000001, 1, day(2026, 11, 21, 10, 0), now); strings.Count(got, ",") != 29 || !strings.Contains(got, "34.00, 0.00, 17.00") {
		t.Errorf("a load record of all classes is %q, want a time and 29 values", got)
	}
}

func TestPowerThatGoesOverMidnight(t *testing.T) {
	off, on := day(2026, 10, 31, 23, 20), day(2026, 11, 1, 0, 40)
	for _, late := range []int{0, 7} {
		m := kilowatt(day(2026, 10, 31, 0, 0))
		m.Quirks.LateFreezes = late
		m.Power(true, off)
		if got := saysOf(t, m, 0x00010000, off.Add(time.Minute)); got != "silence" {
			t.Errorf("without power it says %q", got)
		}
		m.Power(false, on)
		now := on.Add(30 * time.Minute)
		daily, settled, atMidnight := "02", "02", "02"
		if late > 0 {
			daily, settled, atMidnight = "2026-11-01 00:00", "23.33", "23.33, 5.33, 6.00, 6.00, 6.00"
		}
		atMidnight = strings.Replace(atMidnight, "23.33, 5.33, 6.00, 6.00, 6.00", "23.33, 6.00, 6.00, 6.00, 5.33", 1)
		checkAll(t, m, now, []asked{
			{0x00010000, "23.83"}, // 23:20 and half an hour
			{0x05060001, daily}, {0x05060101, atMidnight}, {0x00010001, settled},
			{0x05040001, "2026-11-01 01:00"}, {0x05040002, "2026-10-31 23:00"},
			{0x03110000, "4"}, {0x03110001, "2026-10-31 23:20:00, 2026-11-01 00:40:00"}, {0x03110002, "02"},
		})
		if got, want := loadOf(t, m, 0x06040001, 2, day(2026, 10, 31, 23, 15), now), "2026-10-31 23:15, 23.25, 0.00, 11.62, 0.00, 2026-11-01 00:45, 23.41, 0.00, 11.70, 0.00"; got != want {
			t.Errorf("load records: got %q, want %q", got, want)
		}
		if got, _ := m.RegisterAt(0x00010000, day(2026, 11, 1, 0, 0)); got.String() != "23.33" {
			t.Errorf("the register at midnight is %s", got)
		}
	}
	t.Run("seven midnights at most", func(t *testing.T) {
		m := kilowatt(day(2026, 10, 1, 12, 0))
		m.Quirks.LateFreezes = 7
		m.Power(true, day(2026, 10, 1, 13, 0))
		m.Power(false, day(2026, 10, 20, 13, 0))
		times := m.Times(FreezeDaily)
		if len(times) != 7 || !times[0].Equal(day(2026, 10, 20, 0, 0)) || !times[6].Equal(day(2026, 10, 14, 0, 0)) {
			t.Errorf("the freezes are of %v", times)
		}
	})
}

func TestClockThatIsSet(t *testing.T) {
	t.Run("forward over midnight", func(t *testing.T) {
		m := kilowatt(day(2026, 10, 31, 0, 0))
		m.SetClock(day(2026, 11, 1, 0, 20), day(2026, 10, 31, 23, 50))
		checkAll(t, m, day(2026, 10, 31, 23, 56), []asked{
			{0x05060001, "2026-11-01 00:00"}, {0x05060101, "23.83, 6.00, 6.00, 6.00, 5.83"}, {0x05060002, "02"},
			{0x00010001, "23.83"}, {0x00010000, "23.93"},
			{0x00010100, "6.10"}, // the clock says that it is night
			{0x03300400, "1"}, {0x03300401, "00000000, 2026-10-31 23:50:00, 2026-11-01 00:20:00"},
			{0x04000102, "00:26:00"},
		})
		if got := loadOf(t, m, 0x06040002, 1, time.Time{}, day(2026, 10, 31, 23, 56)); !strings.HasPrefix(got, "2026-10-31 23:45") {
			t.Errorf("the latest load record is %q", got)
		}
	})
	t.Run("back over midnight", func(t *testing.T) {
		m := kilowatt(day(2026, 10, 31, 0, 0))
		m.SetClock(day(2026, 10, 31, 23, 50), day(2026, 11, 1, 0, 10))
		checkAll(t, m, day(2026, 11, 1, 0, 40), []asked{ // 00:20 by its clock
			{0x05060001, "2026-11-01 00:00"}, {0x05060101, "24.00, 6.00, 6.00, 6.00, 6.00"}, {0x05060002, "02"},
			{0x00010001, "24.00"}, {0x00010002, "02"}, {0x00010000, "24.66"}, {0x00010400, "6.16"},
		})
		if got, want := loadOf(t, m, 0x06040002, 2, time.Time{}, day(2026, 11, 1, 0, 40)), "2026-11-01 00:00, 24.00, 0.00, 12.00, 0.00, 2026-11-01 00:15, 24.58, 0.00, 12.29, 0.00"; got != want {
			t.Errorf("load records: got %q, want %q", got, want)
		}
	})
	t.Run("an hour ahead all the time", func(t *testing.T) {
		m := NewMeter(unit, 3)
		m.Zone, m.Since, m.ClockOffset = zone, day(2026, 10, 31, 0, 0), time.Hour
		m.Consume = func(time.Time) Power { return Power{1000, 0} }
		m.Advance(day(2026, 10, 31, 23, 30))
		before, _ := m.RegisterAt(0x00010000, m.Since)
		frozen, ok := m.Frozen(FreezeDaily, day(2026, 11, 1, 0, 0), 0x00010000)
		if got := frozen.Coef - before.Coef; !ok || got != 2300 {
			t.Errorf("from the begin to the midnight of its clock it counts %d, want 2300", got)
		}
	})
	t.Run("by a test, in time for the next question", func(t *testing.T) {
		m := kilowatt(day(2026, 10, 31, 0, 0))
		m.Change(func(m *Meter) { m.ClockOffset = time.Hour })
		checkAll(t, m, day(2026, 10, 31, 23, 30), []asked{{0x05060001, "2026-11-01 00:00"}, {0x05060101, "23.50, 6.00, 6.00, 6.00, 5.50"}})
	})
	t.Run("wrongly to a far year and back", func(t *testing.T) {
		m := kilowatt(day(2026, 11, 20, 0, 0))
		m.SetClock(day(2099, 1, 1, 12, 0), day(2026, 11, 20, 12, 0))
		m.SetClock(day(2026, 11, 20, 13, 0), day(2026, 11, 20, 13, 0))
		checkAll(t, m, day(2026, 11, 21, 1, 0), []asked{
			{0x05060001, "2026-11-21 00:00"}, {0x05060101, "24.00, 6.00, 6.00, 6.00, 6.00"}, {0x05060002, "2099-01-01 00:00"}, {0x05060003, "02"},
		})
	})
}

func TestTurnover(t *testing.T) {
	m := kilowatt(day(2026, 11, 20, 0, 0))
	m.SetRegister(0x00010000, 99_999_900, day(2026, 11, 20, 12, 0))
	checkAll(t, m, day(2026, 11, 21, 0, 0), []asked{{0x00010000, "11.00"}, {0x05060101, "11.00, 6.00, 6.00, 6.00, 6.00"}, {0x0504010C, "0.00"}, {0x00000000, "11.00"}})
	for at, want := range map[time.Time]string{day(2026, 11, 20, 11, 0): "11.00", day(2026, 11, 20, 12, 59): "999999.98", day(2026, 11, 20, 13, 0): "0.00"} {
		if got, _ := m.RegisterAt(0x00010000, at); got.String() != want {
			t.Errorf("the register at %s is %s, want %s", at, got, want)
		}
	}
}

// TestReverseAndQuadrants: what goes to the grid, and where reactive energy is
// counted.
func TestReverseAndQuadrants(t *testing.T) {
	m := kilowatt(day(2026, 11, 20, 0, 0))
	m.Consume = func(at time.Time) Power {
		return []Power{{2000, 400}, {-1000, 800}, {-1000, -1200}, {2000, -1600}}[at.Hour()/6]
	}
	checkAll(t, m, day(2026, 11, 21, 0, 0), []asked{
		{0x0001FF00, "24.00, 12.00, 0.00, 0.00, 12.00"},
		{0x0002FF00, "12.00, 0.00, 6.00, 6.00, 0.00"},
		{0x00000000, "36.00"},
		{0x00050000, "2.40"}, {0x00060000, "4.80"}, {0x00070000, "7.20"}, {0x00080000, "9.60"},
		{0x00030000, "7.20"}, {0x00040000, "16.80"},
		{0x01020000, "1.0000, 2026-11-20 06:15"},
		{0x05060A01, "1.0000, 2026-11-20 06:15, 0.0000, absent, 1.0000, 2026-11-20 06:15, 1.0000, 2026-11-20 12:15, 0.0000, absent"},
		{0x05060201, "12.00, 0.00, 6.00, 6.00, 0.00"},
	})
	if got, want := loadOf(t, m, 0x06020001, 1, day(2026, 11, 20, 8, 0), day(2026, 11, 21, 0, 0)), "2026-11-20 08:00, -1.0000, -0.3334, -0.3333, -0.3333, 0.8000, 0.2668, 0.2666, 0.2666"; got != want {
		t.Errorf("the powers of a load record are %q, want %q", got, want)
	}
}

func TestParametersOfTheMemory(t *testing.T) {
	m := kilowatt(day(2026, 11, 1, 0, 0))
	write := func(code uint32, value []byte, at time.Time) {
		t.Helper()
		req, err := dlt645.WriteRequest(unit, dlt645.DI{Code: code}, owner, value)
		if err != nil {
			t.Fatal(err)
		}
		if ans, ok := ask(t, m, req, at); !ok || ans.Control.Refusal() {
			t.Fatalf("%08X: %v", code, ans.Refusal())
		}
	}
	m.Set(0x04000A01, []byte{0x05, 0x00, 0x02, 0x11}) // 2 November 00:05
	write(0x04000901, []byte{0x09}, day(2026, 11, 2, 1, 0))
	write(0x04000A05, []byte{0x20, 0x00}, day(2026, 11, 2, 1, 0))
	write(0x04000B01, []byte{0x12, 0x03}, day(2026, 11, 2, 1, 0)) // the 3rd, 12:00
	write(0x04001202, []byte{0x30}, day(2026, 11, 2, 1, 0))
	now := day(2026, 11, 3, 13, 0)
	checkAll(t, m, now, []asked{
		{0x00010001, "60.00"}, {0x00010002, "02"}, {0x04000B01, "03 12"}, {0x04000901, "09"},
		{0x05040001, "2026-11-03 13:00"}, {0x05040002, "2026-11-03 12:30"},
	})
	for _, c := range []struct {
		code uint32
		n    byte
		from time.Time
		want string
	}{
		{0x06040001, 3, day(2026, 11, 2, 0, 45), "2026-11-02 00:50, 24.83, 0.00, 12.41, 0.00, 2026-11-02 01:05, 25.08, 0.00, 12.54, 0.00, 2026-11-02 01:25, 25.41, 0.00, 12.70, 0.00"},
		{0x06030002, 1, time.Time{}, "2026-11-02 00:50, 0.8944, 0.8944, 0.8944, 0.8944"},
	} {
		got := loadOf(t, m, c.code, c.n, c.from, now)
		if c.code == 0x06030002 {
			got, c.want = got[:16], c.want[:16]
		}
		if got != c.want {
			t.Errorf("%08X: got %q, want %q", c.code, got, c.want)
		}
	}
}

func TestTimedAndInstantFreezes(t *testing.T) {
	m := kilowatt(day(2026, 11, 20, 0, 0))
	ask(t, m, dlt645.FreezeRequest(unit, dlt645.Freeze{Every: dlt645.FreezeHourly, Minute: 20}), day(2026, 11, 20, 0, 0))
	for minute := range 4 {
		ask(t, m, dlt645.FreezeRequest(unit, dlt645.Freeze{}), day(2026, 11, 22, 23, 30+minute))
	}
	checkAll(t, m, day(2026, 11, 23, 0, 0), []asked{
		{0x05000001, "2026-11-22 23:20"}, {0x05000101, "71.33, 18.00, 18.00, 18.00, 17.33"}, {0x0500003C, "2026-11-20 12:20"}, {0x0500003D, "02"},
		{0x05010001, "2026-11-22 23:33"}, {0x05010003, "2026-11-22 23:31"}, {0x05010004, "02"},
	})
}

func TestCoverAndProgrammingAreKept(t *testing.T) {
	m := kilowatt(day(2026, 11, 20, 0, 0))
	m.Cover(true, day(2026, 11, 20, 6, 0))
	m.Cover(false, day(2026, 11, 20, 7, 0))
	m.Cover(true, day(2026, 11, 20, 8, 0))
	m.Cover(false, day(2026, 11, 20, 10, 0))
	checkAll(t, m, day(2026, 11, 20, 12, 0), []asked{
		{0x03300D00, "3"},
		{0x03300D01, "2026-11-20 08:00:00, 2026-11-20 10:00:00, 8.00, 0.00, 4.00, 0.00, 0.00, 0.00, 10.00, 0.00, 5.00, 0.00, 0.00, 0.00"},
		{0x03300D02, "2026-11-20 06:00:00, 2026-11-20 07:00:00, 6.00, 0.00, 3.00, 0.00, 0.00, 0.00, 7.00, 0.00, 3.50, 0.00, 0.00, 0.00"},
		{0x03300D03, "02"},
	})
}

func TestEventsOfPhases(t *testing.T) {
	for _, c := range []struct {
		family uint32
		values int
	}{{0x0301, 37}, {0x0304, 37}, {0x030B, 33}, {0x030E, 18}} {
		m := kilowatt(day(2026, 11, 20, 0, 0))
		m.PhaseEvent(c.family, 2, true, day(2026, 11, 20, 6, 0))
		m.PhaseEvent(c.family, 2, false, day(2026, 11, 20, 7, 30))
		m.PhaseEvent(c.family, 2, true, day(2026, 11, 20, 8, 0))
		m.PhaseEvent(c.family, 2, false, day(2026, 11, 20, 11, 0))
		code, now := c.family<<16, day(2026, 11, 20, 12, 0)
		checkAll(t, m, now, []asked{{code, "0, 0, 2, 270, 0, 0"}, {code | 0x0203, "02"}, {code | 0x0101, "02"}})
		for n, begin := range []string{"2026-11-20 08:00:00, 2026-11-20 11:00:00, 3.00, 0.00, 1.50, 0.00, 1.00,", "2026-11-20 06:00:00, 2026-11-20 07:30:00, 1.50, 0.00, 0.75, 0.00, 0.50,"} {
			if got := saysOf(t, m, code|0x0201+uint32(n), now); !strings.HasPrefix(got, begin) || strings.Count(got, ",") != c.values-1 {
				t.Errorf("%04X: record %d is %q, want %d values from %q on", c.family, n+1, got, c.values, begin)
			}
		}
	}
}

// TestDaysOf23And25Hours: freezes are of the clock's midnights where its zone
// has summer time.
func TestDaysOf23And25Hours(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	for _, c := range []struct {
		month time.Month
		day   int
		hours int64
	}{{time.March, 29, 23}, {time.October, 25, 25}, {time.November, 1, 24}} {
		begin := time.Date(2026, c.month, c.day, 0, 0, 0, 0, berlin)
		m := NewMeter(unit, 1)
		m.Zone, m.Since = berlin, begin.AddDate(0, 0, -1)
		m.Consume = func(time.Time) Power { return Power{1000, 0} }
		m.Advance(begin.AddDate(0, 0, 2))
		first, ok1 := m.Frozen(FreezeDaily, begin, 0x00010000)
		next, ok2 := m.Frozen(FreezeDaily, begin.AddDate(0, 0, 1), 0x00010000)
		if got := next.Coef - first.Coef; !ok1 || !ok2 || got != c.hours*100 {
			t.Errorf("%s: %d between two midnights, want %d", begin.Format(time.DateOnly), got, c.hours*100)
		}
	}
}

// TestMonthsOf1997: it remembers two.
func TestMonthsOf1997(t *testing.T) {
	m := kilowatt(day(2026, 8, 31, 0, 0))
	m.Protocol = dlt645.V1997
	checkAll(t, m, day(2026, 11, 20, 0, 0), []asked{
		{0x9010, "1944.00"}, {0x9410, "1488.00"}, {0x9810, "744.00"}, {0x9420, "0.00"}, {0x9510, "744.00"}, {0x9910, "372.00"}, {0x9930, "372.00"}, {0x9940, "0.00"},
		{0x941F, "1488.00, 372.00, 372.00, 372.00, 372.00"}, {0x9A10, "02"}, {0xC117, "01 00"},
	})
}

// TestHabitsOfTheMemory gives a meter each of the named quirks that concern
// what it remembers.
func TestHabitsOfTheMemory(t *testing.T) {
	now := day(2026, 11, 4, 12, 0)
	for _, c := range []struct {
		quirk string
		code  uint32
		n     byte // of load records; 0: a read
		from  time.Time
		want  string
	}{
		{"absent-ff", 0x05060063, 0, time.Time{}, "absent"},
		{"absent-ff", 0x05060163, 0, time.Time{}, "absent, absent, absent, absent, absent"},
		{"absent-ff", 0x0001000C, 0, time.Time{}, "absent"},
		{"absent-ff", 0x03110005, 0, time.Time{}, "absent, absent"},
		{"absent-ff", 0x06040001, 1, now.Add(time.Hour), "absent, absent, absent, absent, absent"},
		{"absent-ff", 0x02FF0000, 0, time.Time{}, "02"},
		{"absent-zero", 0x05060063, 0, time.Time{}, "absent"},
		{"absent-zero", 0x05060163, 0, time.Time{}, "0.00, 0.00, 0.00, 0.00, 0.00"},
		{"absent-zero", 0x06040001, 1, now.Add(time.Hour), "absent, 0.00, 0.00, 0.00, 0.00"},
		{"clock-ahead", 0x04000102, 0, time.Time{}, "12:10:00"},
		{"clock-behind", 0x04000102, 0, time.Time{}, "11:50:00"},
		{"load-checksum", 0x06040001, 3, day(2026, 11, 4, 9, 30), "2026-11-04 09:30, 81.50, 0.00, 40.75, 0.00, bad, 2026-11-04 10:00, 82.00, 0.00, 41.00, 0.00"},
		{"load-damaged", 0x06040001, 2, day(2026, 11, 4, 9, 30), "bad, 2026-11-04 09:45, 81.75, 0.00, 40.87, 0.00"},
		{"load-reprogrammed", 0x06040001, 2, day(2026, 11, 3, 12, 0), "2026-11-03 12:00, 60.00, 0.00, 30.00, 0.00, 2026-11-03 12:30, 60.50, 0.00, 30.25, 0.00"},
		{"load-reprogrammed", 0x06040001, 2, day(2026, 11, 4, 0, 0), "2026-11-04 00:00, 72.00, 0.00, 36.00, 0.00, 2026-11-04 00:15, 72.25, 0.00, 36.12, 0.00"},
		{"load-shallow", 0x06040000, 1, time.Time{}, "2026-11-04 08:15, 80.25, 0.00, 40.12, 0.00"},
		{"no-block", 0x0506FF01, 0, time.Time{}, "02"},
		{"no-block", 0x05060001, 0, time.Time{}, "2026-11-04 00:00"},
		{"block-silence", 0x0504FF01, 0, time.Time{}, "silence"},
		{"no-daily", 0x05060101, 0, time.Time{}, "02"},
		{"no-daily", 0x05040101, 0, time.Time{}, "84.00"},
		{"no-events", 0x03110001, 0, time.Time{}, "02"},
		{"no-events", 0x03110000, 0, time.Time{}, "3"},
		{"no-hourly", 0x05040101, 0, time.Time{}, "02"},
		{"no-load", 0x06040002, 1, time.Time{}, "02"},
		{"no-settlement", 0x00010001, 0, time.Time{}, "02"},
		{"no-settlement", 0x00010000, 0, time.Time{}, "84.00"},
		{"outage", 0x03110001, 0, time.Time{}, "2026-11-03 23:45:00, 2026-11-04 00:15:00"},
		{"outage", 0x05060001, 0, time.Time{}, "2026-11-03 00:00"},
		{"late-freeze", 0x05060001, 0, time.Time{}, "2026-11-04 00:00"},
		{"small-frames", 0x05060101, 0, time.Time{}, "72.00, 18.00, 18.00, 18.00, 18.00"},
	} {
		t.Run(fmt.Sprintf("%s %08X", c.quirk, c.code), func(t *testing.T) {
			m := kilowatt(day(2026, 11, 1, 0, 0))
			if err := m.Give(c.quirk); err != nil {
				t.Fatal(err)
			}
			got := ""
			if c.n > 0 {
				got = loadOf(t, m, c.code, c.n, c.from, now)
			} else {
				got = saysOf(t, m, c.code, now)
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestNumbersShiftBetweenTwoRequests: the second one is for another record
// than the first, and its time tells.
func TestNumbersShiftBetweenTwoRequests(t *testing.T) {
	m := kilowatt(day(2026, 11, 1, 0, 0))
	m.Advance(day(2026, 11, 4, 12, 0))
	if err := m.Give("shift"); err != nil {
		t.Fatal(err)
	}
	now := day(2026, 11, 4, 12, 0)
	checkAll(t, m, now, []asked{
		{0x05060002, "2026-11-03 00:00"}, {0x05060002, "2026-11-04 00:00"}, {0x05060001, "2026-11-04 12:00"},
		{0x03110001, "2026-11-04 12:00:00, 2026-11-04 12:00:00"}, {0x03110000, "4"},
	})
}

// TestBooksAreTheSameHoweverOftenTheyAreAsked compares a meter that is asked
// at random moments with one that is asked at the end alone, through outages,
// clocks that are set and a power that changes.
func TestBooksAreTheSameHoweverOftenTheyAreAsked(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 15))
		since := day(2026, 2, 20, 0, 0).Add(time.Duration(rng.IntN(86400)) * time.Second)
		powers := make([]Power, 97)
		for i := range powers {
			powers[i] = Power{rng.Int64N(60000) - 20000, rng.Int64N(20000) - 10000}
		}
		offset := time.Duration(rng.IntN(7200)-3600) * time.Second
		make := func() *Meter {
			m := NewMeter(unit, 3)
			m.Zone, m.Since, m.ClockOffset = zone, since, offset
			m.Quirks.LateFreezes = int(seed % 3)
			m.Consume = func(at time.Time) Power { return powers[at.Unix()/900%97] }
			return m
		}
		often, seldom := make(), make()
		now, off := since, false
		for range 8 {
			for range rng.IntN(300) {
				now = now.Add(time.Duration(rng.IntN(3600*1000)) * time.Millisecond)
				often.Advance(now)
			}
			switch rng.IntN(3) {
			case 0:
				off = !off
				often.Power(off, now)
				seldom.Power(off, now)
			case 1:
				to := now.Add(time.Duration(rng.IntN(4*86400)-2*86400) * time.Second).In(zone)
				often.SetClock(to, now)
				seldom.SetClock(to, now)
			}
		}
		often.Power(false, now)
		seldom.Power(false, now)
		for _, kind := range []byte{FreezeDaily, FreezeHourly} {
			if a, b := often.Times(kind), seldom.Times(kind); !slices.EqualFunc(a, b, time.Time.Equal) || len(a) == 0 {
				t.Fatalf("seed %d: freezes %02X of %v and of %v", seed, kind, a, b)
			}
			for n := range 62 {
				code := 0x0500FF01 | uint32(kind)<<16 + uint32(n)
				if a, b := saysOf(t, often, code, now), saysOf(t, seldom, code, now); a != b {
					t.Errorf("seed %d: %08X is %s and %s", seed, code, a, b)
				}
			}
		}
		if a, b := often.LoadTimes(0), seldom.LoadTimes(0); !slices.EqualFunc(a, b, time.Time.Equal) || len(a) == 0 {
			t.Fatalf("seed %d: %d and %d load records", seed, len(a), len(b))
		}
		if a, b := loadOf(t, often, 0x06000002, 200, time.Time{}, now), loadOf(t, seldom, 0x06000002, 200, time.Time{}, now); a != b {
			t.Errorf("seed %d: load records differ", seed)
		}
		for range 50 {
			at := since.Add(time.Duration(rng.Int64N(int64(now.Sub(since)))))
			for code := range uint32(9) {
				a, ok1 := often.RegisterAt(code<<16, at)
				b, ok2 := seldom.RegisterAt(code<<16, at)
				if a != b || !ok1 || !ok2 {
					t.Errorf("seed %d: register %08X at %s is %s and %s", seed, code<<16, at, a, b)
				}
			}
		}
		// What was frozen is what the register held then by the model.
		for _, at := range seldom.LoadTimes(4)[:10] {
			got := loadOf(t, seldom, 0x06040001, 1, at, now)
			if !strings.HasPrefix(got, at.Format("2006-01-02 15:04")) {
				t.Errorf("seed %d: the load record from %s on is %s", seed, at, got)
			}
		}
	}
}

// TestFrozenIsTheRegisterOfThatMoment compares all freezes of a quarter with
// the model.
func TestFrozenIsTheRegisterOfThatMoment(t *testing.T) {
	m := kilowatt(day(2026, 9, 1, 0, 0))
	m.Consume = func(at time.Time) Power { return Power{at.Unix() / 900 % 1013 * 7, 0} }
	m.Advance(day(2026, 12, 1, 12, 0))
	times := m.Times(FreezeDaily)
	for _, at := range times {
		for t2 := range uint32(5) {
			code := 0x00010000 | t2<<8
			frozen, ok1 := m.Frozen(FreezeDaily, at, code)
			model, ok2 := m.RegisterAt(code, at)
			if frozen != model || !ok1 || !ok2 || frozen.Coef == 0 {
				t.Errorf("%08X of %s: frozen %s, the model says %s", code, at, frozen, model)
			}
		}
	}
	if len(times) != 62 {
		t.Errorf("%d daily freezes, want 62", len(times))
	}
}

// TestPowerThatWanders: without Consume, what was taken at a question is taken
// until the next one.
func TestPowerThatWanders(t *testing.T) {
	m := NewMeter(unit, 3)
	m.Zone = zone
	now := day(2026, 11, 20, 12, 0)
	m.Advance(now)
	power := m.books.rate.Active
	begin, ok := m.RegisterAt(0x00010000, now)
	if !ok || power < 1000 {
		t.Fatalf("the power is %d, the register %s, %v", power, begin, ok)
	}
	m.Advance(now.AddDate(0, 0, 3))
	for n, at := range m.Times(FreezeDaily)[:3] {
		frozen, _ := m.Frozen(FreezeDaily, at, 0x00010000)
		model, _ := m.RegisterAt(0x00010000, at)
		hours := int64(at.Sub(now) / time.Hour)
		if over := frozen.Coef - begin.Coef - power*hours/100; frozen != model || over < 0 || over > 1 {
			t.Errorf("freeze %d, %d h on: %s, by the model %s, from %s at %d tenths of a watt", n+1, hours, frozen, model, begin, power)
		}
	}
	if m.books.rate.Active == power {
		t.Error("the power has not wandered")
	}
	if got := saysOf(t, m, 0x06040002, now.AddDate(0, 0, 3)); got != "02" {
		t.Errorf("load records without a count: %q", got)
	}
}

// BenchmarkMonthOf64Meters is 30 days that 64 meters are asked about at once.
func BenchmarkMonthOf64Meters(b *testing.B) {
	for b.Loop() {
		for range 64 {
			m := kilowatt(day(2026, 11, 1, 0, 0))
			m.Advance(day(2026, 12, 1, 0, 0))
		}
	}
}
