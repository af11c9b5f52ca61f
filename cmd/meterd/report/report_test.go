package report

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"meterd/cmd/meterd/console"
	"meterd/cmd/meterd/report/scene"
	"meterd/dlt645"
	"meterd/meter"
	"meterd/store"
)

var (
	shanghai = time.FixedZone("Asia/Shanghai", 8*3600)
	noon     = time.Date(2026, 11, 20, 12, 7, 0, 0, shanghai)
	unit     = &meter.Handle{Name: "Unit 101", Bus: "rs485-1", Address: dlt645.Address{1, 1, 32, 17, 36, 32}, Groups: []meter.Group{{Every: time.Minute}}}
)

func at(day, hour, minute int) time.Time {
	return time.Date(2026, 11, day, hour, minute, 0, 0, shanghai)
}

func newRing(t *testing.T, size int64) *store.Ring {
	t.Helper()
	r, err := store.Open(filepath.Join(t.TempDir(), "ring"), store.Options{Geometry: store.Geometry{Size: size}, Codec: meter.Packing{}, Taken: meter.Taken})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func put(t *testing.T, r *store.Ring, records ...any) {
	t.Helper()
	for _, rec := range records {
		var b []byte
		switch rec := rec.(type) {
		case meter.Reading:
			b, _ = rec.AppendBinary(nil)
		case meter.Event:
			b, _ = rec.AppendBinary(nil)
		}
		if _, err := r.Append(b); err != nil {
			t.Fatal(err)
		}
	}
}

func value(text string) dlt645.Value {
	d, err := dlt645.ParseDecimal(text)
	if err != nil {
		return dlt645.Value{Kind: dlt645.Characters, Text: text}
	}
	return dlt645.Value{Kind: dlt645.Number, Dec: d}
}

// live is a reading of one meter, by pairs of a point and a value.
func live(of *meter.Handle, t time.Time, pairs ...string) meter.Reading {
	r := meter.Reading{Meter: of.Address, Time: t, Round: t, Trusted: true, Boot: 1, Uptime: time.Hour}
	for i := 0; i < len(pairs); i += 2 {
		r.Values = append(r.Values, meter.PointValue{Point: pairs[i], Value: value(pairs[i+1])})
	}
	return r
}

func recalled(r meter.Reading, doubtful bool) meter.Reading {
	r.Recalled, r.Doubtful = true, doubtful
	return r
}

// written is a page, and what stands in it.
type written struct {
	text   string
	board  boardJSON
	meters []meterRead
	whole  bool
	result Result
}

// meterRead is a meter as the page's script reads it.
type meterRead struct {
	Name, Address string
	Configured    bool
	Step          int64
	Charts        []struct {
		Name   string
		Step   int64
		Series []struct {
			Point        string
			Fine, Coarse unpacked
		}
	}
	How     [2][]int
	Energy  []*string
	Today   *string
	Moments []*[3]int
	Gaps    [][2]int64
	Events  []eventJSON
	More    int `json:"more_events"`
	Undated int
	Last    [][3]string
}

type unpacked struct{ Runs, Values []int64 }

// bins gives the least and the greatest of each bin that is filled.
func (u unpacked) bins() map[int64][2]int64 {
	all, low, k := map[int64][2]int64{}, int64(0), 0
	for r := 0; r < len(u.Runs); r += 2 {
		for i := u.Runs[r]; i < u.Runs[r]+u.Runs[r+1]; i++ {
			low += u.Values[k]
			all[i] = [2]int64{low, low + u.Values[k+1]}
			k += 2
		}
	}
	return all
}

var data = regexp.MustCompile(`(?s)<script type="application/json" (?:id|class)="(\w+)">(.*?)</script>`)

func writePage(t *testing.T, c Config) written {
	t.Helper()
	var b strings.Builder
	c.Write = func(p []byte) error { b.Write(p); return nil }
	if c.Zone == nil {
		c.Zone = shanghai
	}
	if c.Points == nil {
		c.Points = &meter.Points{}
	}
	r, err := Write(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	w := written{text: b.String(), result: r}
	if r.Bytes != len(w.text) {
		t.Errorf("%d bytes are told, %d written", r.Bytes, len(w.text))
	}
	for _, m := range data.FindAllStringSubmatch(w.text, -1) {
		var err error
		switch m[1] {
		case "board":
			err = json.Unmarshal([]byte(m[2]), &w.board)
		case "meter":
			var one meterRead
			err = json.Unmarshal([]byte(m[2]), &one)
			w.meters = append(w.meters, one)
		case "end":
			w.whole = true
		}
		if err != nil {
			t.Fatalf("%s: %v", m[1], err)
		}
	}
	return w
}

// day gives where a day of November stands among the thirty.
func day(d int) int { return d - 20 + days - 1 }

func text(p *string) string {
	if p == nil {
		return "not there"
	}
	return *p
}

// TestTheChartsKeepEveryPeak: of a quarter-hour and of an hour the least and the
// greatest, and whether they come from the meter's memory or are doubtful.
func TestTheChartsKeepEveryPeak(t *testing.T) {
	r := newRing(t, store.MinSize)
	put(t, r,
		live(unit, at(20, 11, 0), "power.active.total", "1.5000", "voltage.a", "220.1"),
		live(unit, at(20, 11, 1), "power.active.total", "-0.0004"),
		live(unit, at(20, 11, 14), "power.active.total", "7.2506"),
		live(unit, at(20, 11, 31), "power.active.total", "2.0000"),
		recalled(live(unit, at(20, 9, 0), "power.active.total", "3.0000"), false),
		recalled(live(unit, at(20, 9, 15), "power.active.total", "4.0000"), true),
		live(unit, at(20, 11, 45), "voltage.a", "12CE"), // no number
	)
	w := writePage(t, Config{Ring: r, Meters: []*meter.Handle{unit}, Now: noon})
	m := w.meters[0]
	power := m.Charts[0].Series[0]
	fine := func(hour, quarter int64) int64 {
		return (at(20, int(hour), int(quarter)*15).Unix() - w.board.Fine[0]) / w.board.Fine[1]
	}
	hour := func(h int) int64 { return (at(20, h, 0).Unix() - w.board.Coarse[0]) / w.board.Coarse[1] }
	if got, want := power.Fine.bins(), (map[int64][2]int64{fine(9, 0): {3000, 3000}, fine(9, 1): {4000, 4000}, fine(11, 0): {0, 7251}, fine(11, 2): {2000, 2000}}); !reflect.DeepEqual(got, want) {
		t.Errorf("finely: got %v, want %v", got, want)
	}
	if got, want := power.Coarse.bins(), (map[int64][2]int64{hour(9): {3000, 4000}, hour(11): {0, 7251}}); !reflect.DeepEqual(got, want) {
		t.Errorf("coarsely: got %v, want %v", got, want)
	}
	if got, want := m.How, ([2][]int{{int(fine(9, 0)), 1, 1, int(fine(9, 1)), 1, 2}, {int(hour(9)), 1, 2}}); !reflect.DeepEqual(got, want) {
		t.Errorf("how they were come by: got %v, want %v", got, want)
	}
	if v := m.Charts[1]; len(v.Series) != 1 || v.Series[0].Point != "voltage.a" || !reflect.DeepEqual(v.Series[0].Fine.bins(), map[int64][2]int64{fine(11, 0): {2201, 2201}}) {
		t.Errorf("voltage: %+v", v)
	}
	if got, want := m.Last, ([][3]string{{"power.active.total", "2.0000", "kW"}, {"voltage.a", "12CE", "V"}}); !reflect.DeepEqual(got, want) {
		t.Errorf("last: got %v, want %v", got, want)
	}
	if !w.whole || w.result.Meters != 1 {
		t.Errorf("whole %v, %+v", w.whole, w.result)
	}
}

// TestEnergyIsTheBooks: what they told, or the difference of two of the meter's
// freezes; else it is not there.
func TestEnergyIsTheBooks(t *testing.T) {
	other := &meter.Handle{Name: "Unit 102", Address: dlt645.Address{2}}
	freeze := func(of *meter.Handle, d int, total string) meter.Reading {
		return recalled(live(of, at(d, 0, 0), "energy.forward.total", total), false)
	}
	r := newRing(t, store.MinSize)
	put(t, r,
		freeze(unit, 10, "100.00"), freeze(unit, 11, "103.25"), freeze(unit, 12, "110.00"),
		live(unit, at(12, 0, 1), "energy.forward.yesterday", "6.75", "energy.forward.total", "110.01"),
		live(unit, at(15, 0, 0), "energy.forward.total", "130.00"), live(unit, at(16, 0, 0), "energy.forward.total", "140.00"), // the board's own
		recalled(live(unit, at(17, 0, 0), "energy.forward.total", "150.00"), true), freeze(unit, 18, "160.00"), // doubtful
		live(unit, at(20, 11, 0), "energy.forward.day", "2.50"), live(unit, at(20, 12, 0), "energy.forward.day", "3.75"),
		freeze(other, 10, "500.00"), freeze(other, 11, "1.00"), freeze(other, 12, "3.00"), freeze(other, 13, "9.00"),
		meter.Event{Meter: other.Address, Time: at(11, 12, 0), Trusted: true, Kind: meter.EventReplaced},
	)
	w := writePage(t, Config{Ring: r, Meters: []*meter.Handle{unit, other}, Now: noon})
	for _, c := range []struct {
		what string
		m, d int
		want string
	}{
		{"two freezes", 0, 10, "3.25"}, {"told the day after", 0, 11, "6.75"}, {"one freeze", 0, 12, "not there"}, {"the board's own midnights", 0, 15, "not there"},
		{"a doubtful one", 0, 17, "not there"}, {"today", 0, 20, "not there"},
		{"it fell", 1, 10, "not there"}, {"another meter came", 1, 11, "not there"}, {"two freezes of the new one", 1, 12, "6.00"},
	} {
		if got := text(w.meters[c.m].Energy[day(c.d)]); got != c.want {
			t.Errorf("%s: got %s, want %s", c.what, got, c.want)
		}
	}
	if got := text(w.meters[0].Today); got != "3.75" {
		t.Errorf("today: got %s, want 3.75", got)
	}
	if got := text(w.meters[1].Today); got != "not there" {
		t.Errorf("today of the other: got %s", got)
	}
}

// TestWhatLacksIsCounted: moments that were read, made up and missing, and the
// gaps between them; not before the first reading and not what may still come.
func TestWhatLacksIsCounted(t *testing.T) {
	r := newRing(t, store.MinSize)
	for q := at(18, 12, 0); q.Before(noon); q = q.Add(15 * time.Minute) {
		switch {
		case !q.Before(at(19, 3, 0)) && q.Before(at(19, 4, 0)):
			put(t, r, recalled(live(unit, q, "voltage.a", "220.0"), false))
		case !q.Before(at(19, 4, 0)) && q.Before(at(19, 5, 30)):
		default:
			put(t, r, live(unit, q, "voltage.a", "220.0"))
		}
	}
	m := writePage(t, Config{Ring: r, Meters: []*meter.Handle{unit}, Now: noon}).meters[0]
	for d, want := range map[int]*[3]int{17: nil, 18: {48, 0, 48}, 19: {86, 4, 96}, 20: {49, 0, 49}} {
		if got := m.Moments[day(d)]; !reflect.DeepEqual(got, want) {
			t.Errorf("day %d: got %v, want %v", d, got, want)
		}
	}
	if want := [][2]int64{{at(19, 4, 0).Unix(), at(19, 5, 30).Unix()}}; !reflect.DeepEqual(m.Gaps, want) {
		t.Errorf("gaps: got %v, want %v", m.Gaps, want)
	}
	// A meter that is read every half-hour lacks nothing in between.
	r = newRing(t, store.MinSize)
	for q := at(20, 0, 0); q.Before(noon); q = q.Add(30 * time.Minute) {
		put(t, r, live(unit, q, "voltage.a", "220.0"))
	}
	for _, c := range []struct {
		what string
		h    []*meter.Handle
	}{{"by the plan", []*meter.Handle{{Address: unit.Address, Groups: []meter.Group{{Every: 6 * time.Hour}, {Every: 30 * time.Minute}}}}}, {"by what was read", nil}} {
		m = writePage(t, Config{Ring: r, Meters: c.h, Now: noon}).meters[0]
		if got := m.Moments[day(20)]; m.Step != 1800 || len(m.Gaps) != 0 || *got != [3]int{25, 0, 25} {
			t.Errorf("%s: step %d, gaps %v, moments %v", c.what, m.Step, m.Gaps, *got)
		}
		if m.Configured != (c.h != nil) {
			t.Errorf("%s: configured %v", c.what, m.Configured)
		}
	}
}

// TestTimesAreFoundLater: what was taken while the clock was doubted is dated by
// its start of the system, or counted as undated.
func TestTimesAreFoundLater(t *testing.T) {
	began := at(20, 8, 0)
	doubted := func(boot uint32) meter.Reading {
		x := live(unit, time.UnixMilli(1000), "voltage.a", "221.0")
		x.Trusted, x.Boot, x.Uptime = false, boot, 31*time.Minute
		return x
	}
	right := live(unit, at(20, 10, 0), "voltage.a", "222.0")
	right.Boot, right.Uptime = 3, 2*time.Hour
	e := meter.Event{Boot: 3, Uptime: 40 * time.Minute, Kind: meter.EventConfig}
	r := newRing(t, store.MinSize)
	put(t, r, doubted(2), doubted(3), e, right)
	w := writePage(t, Config{Ring: r, Now: noon})
	m := w.meters[0]
	bin := (began.Add(31*time.Minute).Unix() - w.board.Fine[0]) / w.board.Fine[1]
	if got := m.Charts[1].Series[0].Fine.bins(); got[bin] != [2]int64{2210, 2210} || len(got) != 2 {
		t.Errorf("got %v, want 2210 in %d", got, bin)
	}
	if m.Undated != 1 {
		t.Errorf("%d undated, want 1", m.Undated)
	}
	if !slices.Equal(w.board.Starts, []int64{began.Unix()}) || len(w.board.Events) != 1 || w.board.Events[0].Time != began.Add(40*time.Minute).Unix() {
		t.Errorf("starts %v, events %+v", w.board.Starts, w.board.Events)
	}
	if got := writePage(t, Config{Ring: r, Now: noon, Doubted: true}).board.Now; got != at(20, 10, 0).Unix() {
		t.Errorf("where the clock is doubted it ends at %v", time.Unix(got, 0))
	}
	if got := writePage(t, Config{Ring: newRing(t, store.MinSize), Now: noon, Doubted: true}).board.Now; got != noon.Unix() {
		t.Errorf("where nothing is known it ends at %v", time.Unix(got, 0))
	}
}

// TestSecretsAreHidden in all that is told, and nowhere else.
func TestSecretsAreHidden(t *testing.T) {
	r := newRing(t, store.MinSize)
	e := meter.Event{Time: at(20, 9, 0), Trusted: true, Kind: "write", By: "tuya", Text: "with 20261120x"}
	put(t, r, live(unit, at(20, 9, 0), "voltage.a", "220.0"), e)
	e.Meter = unit.Address
	put(t, r, e)
	status := scene.Scene{}.Status()
	status.Uplinks[0].LastErr = "user 20261120x refused"
	status.Uplinks[0].Hint = dlt645.Text{EN: "20261120x", ZH: "20261120x"}
	w := writePage(t, Config{Ring: r, Meters: []*meter.Handle{unit}, Now: noon, Status: status, Hide: func(s string) string { return strings.ReplaceAll(s, "20261120x", "***") }})
	if strings.Contains(w.text, "20261120x") || strings.Count(w.text, "with ***") != 2 || !strings.Contains(w.text, "user *** refused") {
		t.Errorf("the secret is told, or more than it is hidden")
	}
}

// TestCommandsAndEvents: what became of a command takes the place of its intent,
// and no more than a hundred are shown.
func TestCommandsAndEvents(t *testing.T) {
	r := newRing(t, store.MinSize)
	command := func(id string, minute int, done bool, o meter.Outcome) meter.Event {
		return meter.Event{Meter: unit.Address, Time: at(20, 9, minute), Trusted: true, Kind: "relay", By: "tuya", Text: "relay trip", Command: &meter.CommandRecord{ID: id, Done: done, Outcome: o}}
	}
	put(t, r, command("1", 0, false, 0), command("2", 1, false, 0), command("1", 2, true, meter.Unconfirmed), meter.Event{Meter: unit.Address, Time: at(20, 9, 1), Trusted: true, Kind: meter.EventFaultOn, Text: "overload"})
	m := writePage(t, Config{Ring: r, Meters: []*meter.Handle{unit}, Now: noon}).meters[0]
	var got []string
	for _, e := range m.Events {
		got = append(got, strings.Join([]string{e.Kind, e.Command, e.Outcome, e.Text}, " "))
	}
	if want := []string{"relay 1 not confirmed relay trip", "relay 2  relay trip", "fault-on   overload"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for i := range 3 * mostEvents {
		put(t, r, meter.Event{Meter: unit.Address, Time: at(20, 10, 0).Add(time.Duration(i) * time.Second), Trusted: true, Kind: meter.EventOffline})
	}
	m = writePage(t, Config{Ring: r, Meters: []*meter.Handle{unit}, Now: noon}).meters[0]
	if len(m.Events) != mostEvents || m.More != 2*mostEvents+3 || m.Events[0].Time != at(20, 10, 0).Add((3*mostEvents-1)*time.Second).Unix() {
		t.Errorf("%d events, %d more, the first of %v", len(m.Events), m.More, time.Unix(m.Events[0].Time, 0))
	}
}

// Hostile is what a meter, a platform and a configuration may be called.
var hostile = []string{
	`</script><script>document.title="owned"</script>`, `<img src=x onerror="document.title='owned'">`, `<!--<script>`, "a\u2028b\u2029c", "\x00\x1b[2J\x07\u202eevil\u200b", `'"&amp;`, "]]>", strings.Repeat("<b>", 100),
}

// TestNamesAreNeverMarkup, whatever they say.
func TestNamesAreNeverMarkup(t *testing.T) {
	r := newRing(t, store.MinSize)
	var all []*meter.Handle
	status := scene.Scene{}.Status()
	for i, name := range hostile {
		h := &meter.Handle{Name: name, Bus: name, Address: dlt645.Address{byte(i)}}
		all = append(all, h)
		put(t, r, live(h, at(20, 9, 0), "voltage.a", "220.0", "meter.version", name, name, "1.0"),
			meter.Event{Meter: h.Address, Time: at(20, 9, 1), Trusted: true, Kind: name, By: name, Text: name}, meter.Event{Time: at(20, 9, 1), Trusted: true, Kind: name, Text: name})
		status.Meters = append(status.Meters, console.MeterStatus{Name: name, Address: h.Address.String(), LastErr: name})
		status.Buses = append(status.Buses, console.BusStatus{Name: name, Port: name, PortErr: name})
		status.Uplinks = append(status.Uplinks, console.UplinkStatus{Name: name, Kind: name, LastErr: name})
	}
	w := writePage(t, Config{Ring: r, Meters: all, Now: noon, Gateway: hostile[0], Version: hostile[1], Status: status})
	_, rest, _ := strings.Cut(w.text, `id="board">`)
	for _, tag := range regexp.MustCompile(`<[^>]*>?`).FindAllString(rest, -1) {
		if !regexp.MustCompile(`^(</script>|<script type="application/json" (id|class)="(board|meter|end)">|</body>|</html>)$`).MatchString(tag) {
			t.Errorf("markup: %q", tag)
		}
	}
	if i := strings.IndexAny(rest, "\x00\x1b\x07\u2028\u2029"); i >= 0 {
		t.Errorf("a control character at %d", i)
	}
	for i, m := range w.meters {
		if m.Name != strings.ToValidUTF8(hostile[i], "\ufffd") {
			t.Errorf("%q became %q", hostile[i], m.Name)
		}
	}
}

// TestThePageHasRoomForSoMany: what goes beyond is counted.
func TestThePageHasRoomForSoMany(t *testing.T) {
	r := newRing(t, store.MinSize)
	var all []*meter.Handle
	for i := range mostMeters {
		all = append(all, &meter.Handle{Name: "m", Address: dlt645.Address{byte(i), byte(i >> 8), 1}})
	}
	put(t, r, live(unit, at(20, 9, 0), "voltage.a", "220.0"))
	w := writePage(t, Config{Ring: r, Meters: all, Now: noon})
	if w.result.Meters != mostMeters || w.result.Left != 1 || w.board.Left != 1 || len(w.meters) != mostMeters {
		t.Errorf("%+v, %d on the page", w.result, len(w.meters))
	}
}

func TestWritingEnds(t *testing.T) {
	r := newRing(t, store.MinSize)
	put(t, r, live(unit, at(20, 9, 0), "voltage.a", "220.0"))
	full := errors.New("no room")
	c := Config{Ring: r, Points: &meter.Points{}, Zone: shanghai, Now: noon, Write: func([]byte) error { return full }}
	if _, err := Write(t.Context(), c); !errors.Is(err, full) {
		t.Errorf("a full stick: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Write(ctx, c); !errors.Is(err, context.Canceled) {
		t.Errorf("the stick is pulled: %v", err)
	}
}

// TestDaylightSaving: a day of 25 hours has its own length, and the page knows
// when the clocks changed.
func TestDaylightSaving(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	w := newWindow(time.Date(2026, 11, 2, 12, 0, 0, 0, berlin), berlin)
	i, ok := w.day(time.Date(2026, 10, 25, 23, 59, 0, 0, berlin))
	if !ok || w.days[i].Format(time.DateOnly) != "2026-10-25" || w.days[i+1].Sub(w.days[i]) != 25*time.Hour {
		t.Errorf("day %d, %v", i, w.days[i])
	}
	change := time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC).Unix()
	if got, want := w.offsets(), ([][2]int64{{w.days[0].Unix(), 7200}, {change, 3600}}); !reflect.DeepEqual(got, want) {
		t.Errorf("offsets: got %v, want %v", got, want)
	}
}

// TestAnEnvelopeKeepsTheExtremes, and comes back as it was packed.
func TestAnEnvelopeKeepsTheExtremes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := bins{base: 0, width: 900, n: 40}
		e := newEnvelope(b)
		want := map[int64][2]int64{}
		for _, at := range rapid.SliceOf(rapid.Int64Range(-1000, 41*900)).Draw(t, "times") {
			v := int64(rapid.Int32().Draw(t, "value"))
			e.take(at, dlt645.Decimal{Coef: v, Scale: 3}, 3)
			if i, ok := b.at(at); ok {
				have, there := want[int64(i)]
				if !there {
					have = [2]int64{v, v}
				}
				want[int64(i)] = [2]int64{min(have[0], v), max(have[1], v)}
			}
		}
		var u unpacked
		if err := json.Unmarshal(e.appendJSON(nil), &u); err != nil {
			t.Fatal(err)
		}
		if got := u.bins(); !reflect.DeepEqual(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}
