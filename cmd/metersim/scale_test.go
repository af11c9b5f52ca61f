package main

import (
	"flag"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"meterd/cmd/metersim/fleet"
	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
	"meterd/uplink/uplinktest"
	"meterd/uplink/uplinktest/site"
)

var updateScale = flag.Bool("update-scale", false, "write what SCALE.md has measured of the dialects, and what it calculates, anew")

// puback is the size of a PUBACK.
const puback = 4

const scalePaper = "../../SCALE.md"

// scaleMeters are those of a board in SCALE.md, and scaleEvery the time between
// two of their rounds.
const (
	scaleMeters = 32
	scaleEvery  = 15 * time.Minute
)

var scaleBoards = []float64{1000, 10000, 100000}

// air is what a round takes on a platform: messages and bytes from the board and
// to it.
type air struct{ up, down, bytesUp, bytesDown float64 }

// scaleRound has the meters of a board read once, one after the other as on a
// line, each delivered before the next, and counts what that takes.
func scaleRound(t *testing.T, name string) air {
	var meters []dlt645.Address
	for i := range scaleMeters {
		meters = append(meters, dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, byte(i/10<<4 | i%10)})
	}
	var up, down fleet.Tally
	c := dialects(t, meters)[name]
	c.Size, c.Wait = 1<<20, 30*time.Second
	c.Reach = func(addr string) string {
		return between(t, addr, func(to, from net.Conn) {
			defer to.Close()
			tally := &down
			if to.RemoteAddr().String() == addr {
				tally = &up
			}
			io.Copy(to, io.TeeReader(from, &fleet.Stream{Of: tally}))
		})
	}
	c.Adjust = func(u *uplink.Config) { u.FromOldest = true }
	var mu sync.Mutex
	var states []meter.MeterState
	c.Meters = func() []meter.MeterState {
		mu.Lock()
		defer mu.Unlock()
		return states
	}
	s := site.New(t, c)
	at := time.Now().Truncate(time.Second).Add(-time.Minute)
	for _, a := range meters { // and the registrations
		s.Add(t, roundOf(a, at))
	}
	s.Drained(t)
	own, isOwn := c.Platform.(*uplinktest.Consumer)
	if isOwn { // who is there is told once, not with each round
		mu.Lock()
		for _, a := range meters {
			states = append(states, meter.MeterState{Address: a, Known: true, Online: true})
		}
		mu.Unlock()
		s.Until(t, "all meters are told as online", func() bool { return len(own.Seen().Status) == scaleMeters+1 })
	}
	before := air{float64(up.Messages.Load()), float64(down.Messages.Load()), float64(up.Bytes.Load()), float64(down.Bytes.Load())}
	at = at.Add(time.Second)
	var online []meter.MeterState
	for _, a := range meters {
		r := roundOf(a, at)
		s.Add(t, r)
		s.Drained(t)
		online = append(online, meter.MeterState{Address: a, Known: true, Online: true, Values: r.Values, ReadAt: at})
	}
	if isOwn { // whose states are told beside the readings
		for i := range online {
			online[i].ReadAt = time.Now()
		}
		mu.Lock()
		states = online
		mu.Unlock()
		s.Until(t, "all states are told", func() bool { return len(own.Seen().States) == scaleMeters })
	}
	return air{float64(up.Messages.Load()) - before.up, float64(down.Messages.Load()) - before.down, float64(up.Bytes.Load()) - before.bytesUp, float64(down.Bytes.Load()) - before.bytesDown}
}

// scaleLine is how long such a round takes on a line.
func scaleLine(t *testing.T, baud int) time.Duration {
	var ps meter.Points
	var points []meter.Point
	for _, v := range roundOf(dlt645.Address{}, time.Time{}).Values {
		p, ok := ps.Expand(v.Point)
		if !ok {
			t.Fatal(v.Point)
		}
		points = append(points, p...)
	}
	var sum time.Duration
	for _, r := range meter.Plan(points, dlt645.V2007) {
		c := r.Cost(4)
		sum += time.Duration(c.Sent+c.Received)*11*time.Second/time.Duration(baud) + 20*time.Millisecond
	}
	return scaleMeters * sum
}

// paperTable reads the rows of a table whose first cell is in backquotes: its
// further cells as numbers, whatever unit follows.
func paperTable(t *testing.T, text, heading string) map[string][]float64 {
	_, part, ok := strings.Cut(text, "\n"+heading+"\n")
	if !ok {
		t.Fatalf("SCALE.md has no %q", heading)
	}
	if i := strings.Index(part, "\n##"); i >= 0 {
		part = part[:i]
	}
	rows := map[string][]float64{}
	number := regexp.MustCompile(`^[\d,]+(\.\d+)?`)
	for line := range strings.Lines(part) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		key := strings.TrimSpace(cells[0])
		if len(cells) < 2 || !strings.HasPrefix(key, "`") {
			continue
		}
		for _, cell := range cells[1:] {
			if n := number.FindString(strings.TrimSpace(cell)); n != "" {
				v, _ := strconv.ParseFloat(strings.ReplaceAll(n, ",", ""), 64)
				rows[strings.Trim(key, "`")] = append(rows[strings.Trim(key, "`")], v)
			}
		}
	}
	return rows
}

// count writes a number as people do, with three digits that mean something.
func count(v float64) string {
	if v > 0 {
		unit := math.Pow(10, math.Floor(math.Log10(v))-2)
		v = math.Round(v/unit) * unit
	}
	if v < 100 {
		return strconv.FormatFloat(v, 'f', -1, 32)
	}
	s := strconv.FormatFloat(math.Round(v), 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// span writes a time given in seconds.
func span(s float64) string {
	switch {
	case s < 1:
		return count(s*1000) + " ms"
	case s < 120:
		return count(s) + " s"
	case s < 7200:
		return count(s/60) + " min"
	}
	return count(s/3600) + " h"
}

func size(b float64) string {
	for _, unit := range []string{"B", "kB", "MB", "GB"} {
		if b < 1000 {
			return count(b) + " " + unit
		}
		b /= 1000
	}
	return count(b) + " TB"
}

// calculated is the part of the paper that follows from what it has measured.
func calculated(t *testing.T, text string) string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	dialects := paperTable(t, text, "### A round of 32 meters")
	measured := paperTable(t, text, "### Brokers and storage")
	one := func(key string) float64 {
		if len(measured[key]) == 0 {
			t.Fatalf("SCALE.md has not measured %q", key)
		}
		return measured[key][0]
	}
	every, line := scaleEvery.Seconds(), scaleLine(t, 9600).Seconds()

	say("### Messages and bytes")
	say("")
	say("Messages a second = boards × messages of a round ÷ %.0f s; bytes likewise. In the busiest seconds there are %.0f times as many: rounds begin on the clock's quarter-hours on all boards,", every, every/line)
	say("and a line of 9600 baud delivers the values of %d meters within %.0f s (at 2400 baud within %.0f s).", scaleMeters, line, scaleLine(t, 2400).Seconds())
	say("")
	say("| dialect | of a round | 1,000 boards | 10,000 boards | 100,000 boards | busiest second of 100,000 |")
	say("|---|---|---|---|---|---|")
	var names []string
	for name := range dialects {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		d := dialects[name]
		messages, bytes := d[0]+d[1], d[2]+d[3]
		row := fmt.Sprintf("| %s | %.0f, %s ", name, messages, size(bytes))
		for _, boards := range scaleBoards {
			row += fmt.Sprintf("| %s/s, %s/s ", count(boards*messages/every), size(boards*bytes/every))
		}
		say("%s| %s/s, %s/s |", row, count(100000*messages/line), size(100000*bytes/line))
	}
	say("")
	say("### Storage")
	say("")
	values := 29 * scaleMeters * 365 * 24 * 3600 / every // a board's in a year
	say("Values a year = boards × %d meters × 29 points × %.0f rounds; in PostgreSQL as `examples/history` stores it %.0f bytes a value with its index, in a board's ring %.1f bytes.", scaleMeters, 365*24*3600/every, one("history-value"), one("ring-value"))
	say("")
	say("| | 1,000 boards | 10,000 boards | 100,000 boards |")
	say("|---|---|---|---|")
	row, disk, rate := "| values a year ", "| PostgreSQL a year ", "| values a second, mean and busiest "
	for _, boards := range scaleBoards {
		row += "| " + count(boards*values/1e9) + " billion "
		disk += "| " + size(boards*values*one("history-value")) + " "
		rate += fmt.Sprintf("| %s, %s ", count(boards*29*scaleMeters/every), count(boards*29*scaleMeters/line))
	}
	say("%s|\n%s|\n%s|", row, disk, rate)
	say("")
	say("A ring of 64 MiB holds %.0f days of such a board.", 64*(1<<20)/(values*one("ring-value")/365))
	say("")
	say("### Brokers")
	say("")
	say("Processors busy = messages a second × processor time of a message. Each message counts once; a consumer that answers (`reply`) has its own row.")
	say("")
	say("| | 1,000 boards | 10,000 boards | 100,000 boards | busiest second of 100,000 |")
	say("|---|---|---|---|---|")
	for _, m := range []struct{ name, key, dialect string }{
		{"mosquitto, `puback`", "mosquitto-message", "mqtt"}, {"mosquitto, `reply`", "mosquitto-reply-message", "mqtt-reply"}, {"three nodes of NATS, all together", "cluster-message", "mqtt"},
	} {
		d := dialects[m.dialect]
		row := "| " + m.name + " "
		for _, boards := range scaleBoards {
			row += fmt.Sprintf("| %s ", count(boards*(d[0]+d[1])/every*one(m.key)/1e6))
		}
		say("%s| %s |", row, count(100000*(d[0]+d[1])/line*one(m.key)/1e6))
	}
	say("")
	const processors = 24
	capacity := processors / (one("cluster-message") / 1e6)
	d := dialects["mqtt"]
	say("No broker needs to keep up with the busiest second: what it does not take at once waits on the boards, whose rings hold months, and each board has at most `window` messages outstanding.")
	say("A round of all boards takes boards × messages ÷ the messages that the brokers take in a second, an acknowledgement boards × window ÷ the same. For 100,000 boards and %d processors that take %s messages a second", processors, count(capacity))
	say("together, that is %s for a round, and %s for an acknowledgement with a window of 16, %s with one of 2. `uplink.timeout` must be longer than the acknowledgement takes (10m at most), else everything is sent again too early.",
		span(100000*(d[0]+d[1])/capacity), span(100000*16/capacity), span(100000*2/capacity))
	say("")
	say("### Coming back")
	say("")
	say("Processor seconds of a storm = boards × processor time of a connect; with `spread` they are needed within that time. A board whose connect fails tries again after 5 to 10 s, and less often each time.")
	say("")
	say("| | 1,000 boards | 10,000 boards | 100,000 boards |")
	say("|---|---|---|---|")
	for _, m := range []struct{ name, key string }{{"mosquitto", "mosquitto-connect"}, {"three nodes of NATS, all together", "cluster-connect"}} {
		row := "| " + m.name + ": processor time "
		for _, boards := range scaleBoards {
			row += "| " + span(boards*one(m.key)/1000) + " "
		}
		say("%s|", row)
		row = "| " + m.name + ": processors busy, spread 5m "
		for _, boards := range scaleBoards {
			row += "| " + count(boards*one(m.key)/1000/300) + " "
		}
		say("%s|", row)
	}
	row = "| connects a second, spread 30s and 5m "
	for _, boards := range scaleBoards {
		row += fmt.Sprintf("| %s, %s ", count(boards/30), count(boards/300))
	}
	say("%s|", row)
	return b.String()
}

const (
	calculatedBegin = "<!-- calculated: go test ./cmd/metersim -run TestScale -update-scale -->\n"
	calculatedEnd   = "<!-- end of what is calculated -->\n"
)

// TestScale holds SCALE.md to what the dialects take today, within a tenth, and
// its calculations to what it says was measured.
func TestScale(t *testing.T) {
	b, err := os.ReadFile(scalePaper)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	paper := paperTable(t, text, "### A round of 32 meters")
	var names []string
	for name := range dialects(t, nil) {
		names = append(names, name)
	}
	slices.Sort(names)
	var mu sync.Mutex
	rows := map[string]air{}
	t.Run("dialects", func(t *testing.T) {
		for _, name := range names {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				got := scaleRound(t, name)
				mu.Lock()
				defer mu.Unlock()
				if name == "mqtt" { // here with a consumer that answers
					rows["mqtt-reply"] = got
					got.down, got.bytesUp, got.bytesDown = 0, got.bytesUp-puback*got.down, puback*got.up // no answers, and nothing to acknowledge
				}
				rows[name] = got
			})
		}
	})
	for name, got := range rows {
		want := paper[name]
		if *updateScale {
			line := regexp.MustCompile("(?m)^\\| `" + name + "` \\|.*$")
			text = line.ReplaceAllString(text, fmt.Sprintf("| `%s` | %.0f | %.0f | %s | %s |", name, got.up, got.down, count(got.bytesUp), count(got.bytesDown)))
			continue
		}
		if len(want) != 4 {
			t.Errorf("SCALE.md has no figures of %s: %v", name, got)
			continue
		}
		for i, v := range []float64{got.up, got.down, got.bytesUp, got.bytesDown} {
			if math.Abs(v-want[i]) > 0.1*want[i]+1 {
				t.Errorf("%s takes %v (messages up, down, bytes up, down), SCALE.md says %v", name, got, want)
				break
			}
		}
	}
	before, rest, ok := strings.Cut(text, calculatedBegin)
	old, after, closed := strings.Cut(rest, calculatedEnd)
	if !ok || !closed {
		t.Fatal("SCALE.md has no place for what is calculated")
	}
	fresh := "\n" + calculated(t, text) + "\n"
	if *updateScale {
		if err := os.WriteFile(scalePaper, []byte(before+calculatedBegin+fresh+calculatedEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if old != fresh {
		t.Errorf("SCALE.md is not what follows from what it has measured; run the test with -update-scale. It should say:\n%s", fresh)
	}
}
