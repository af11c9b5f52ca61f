package dlt645test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"meterd/dlt645"
)

// Quirk is a habit that a simulated meter can be given by its name.
type Quirk struct {
	Name, Text string
	give       func(*Meter)
}

// AllQuirks lists them, by their names.
func AllQuirks() []Quirk { return allQuirks }

var allQuirks = []Quirk{
	{"absent-ff", "fills with FF the records that it does not have", func(m *Meter) { m.Quirks.Unmade = new(byte(0xFF)) }},
	{"absent-zero", "fills with 00 the records that it does not have", func(m *Meter) { m.Quirks.Unmade = new(byte(0)) }},
	{"answers-broadcast", "answers reads that were sent to the broadcast address", func(m *Meter) { m.Quirks.AnswersBroadcast = true }},
	{"babble", "sends two thousand bytes that are no frame instead of an answer", func(m *Meter) {
		m.Quirks.Answer = func(dlt645.Frame) []byte { return slices.Repeat([]byte{0x3C, 0x68, 0x5A, 0xA5}, 500) }
	}},
	{"block-fill", "puts AA after a block", func(m *Meter) { m.Quirks.BlockFill = 0xAA }},
	{"block-refusal", "refuses blocks with 01, not 02", func(m *Meter) { m.NoBlock, m.Quirks.Refusal = true, []byte{0x01} }},
	{"block-short", "ends a block after its first member", func(m *Meter) { m.Quirks.ShortBlock = true }},
	{"block-silence", "is silent to blocks", func(m *Meter) { m.Quirks.SilentToBlocks = true }},
	{"bytes-around", "sends 00 before and after each answer", func(m *Meter) { m.Quirks.Head, m.Quirks.Tail = []byte{0}, []byte{0} }},
	{"bytes-lost", "loses the first two bytes of each answer", func(m *Meter) { m.Quirks.LostBytes = 2 }},
	{"carrier", "a carrier's C0 where the meter is silent", func(m *Meter) { m.Quirks.Carrier = true }},
	{"clock-ahead", "has a clock that is ten minutes ahead", func(m *Meter) { m.ClockOffset = 10 * time.Minute }},
	{"clock-behind", "has a clock that is ten minutes behind", func(m *Meter) { m.ClockOffset = -10 * time.Minute }},
	{"endless", "says after each answer that there is more", func(m *Meter) { m.Quirks.Endless = true }},
	{"late-freeze", "makes up at power-on the freezes of the last seven midnights", func(m *Meter) { m.Quirks.LateFreezes = 7 }},
	{"load-checksum", "has a wrong checksum in each load record of a quarter to", func(m *Meter) { m.Quirks.WrongLoadSum = at(45) }},
	{"load-damaged", "marks each load record of half past as damaged", func(m *Meter) { m.Quirks.DamagedLoad = at(30) }},
	{"load-reprogrammed", "keeps load records of class 4 alone, each half-hour, from noon to midnight", func(m *Meter) { m.Quirks.Programmed = atNoon }},
	{"load-shallow", "has the last 16 load records only", func(m *Meter) { m.LoadDepth = 16 }},
	{"min-gap", "is deaf within 100 ms of an answer", func(m *Meter) { m.Quirks.MinGap = 100 * time.Millisecond }},
	{"needs-preamble", "is deaf to a request without FE bytes", func(m *Meter) { m.Quirks.NeedsPreamble = true }},
	{"no-block", "refuses blocks", func(m *Meter) { m.NoBlock = true }},
	{"no-daily", "has no daily freezes", func(m *Meter) { m.lack(0xFFFF0000, 0x05060000) }},
	{"no-events", "has no records of events", func(m *Meter) { m.lackPast(0x03) }},
	{"no-hourly", "has no hourly freezes", func(m *Meter) { m.lack(0xFFFF0000, 0x05040000) }},
	{"no-load", "has no load records", func(m *Meter) { m.lack(0xFF000000, 0x06000000) }},
	{"no-settlement", "has no settlements", func(m *Meter) { m.lackPast(0x00); m.lackPast(0x01) }},
	{"outage", "is without power from 23:45 to 00:15, from the 3rd, 6th, 9th .. of the month on", func(m *Meter) { m.Quirks.Outage = thirdNight }},
	{"refusal-bare", "refuses without a code", func(m *Meter) { m.Quirks.Refusal = []byte{} }},
	{"refusal-two-bytes", "refuses with 01 01", func(m *Meter) { m.Quirks.Refusal = []byte{0x01, 0x01} }},
	{"refuses-trip", "refuses to trip by a plain command", func(m *Meter) { m.Quirks.RefusesTrip = true }},
	{"report", "sends its status word before each answer", func(m *Meter) { m.Quirks.Report = true }},
	{"shift", "keeps a new record before it answers to every other request for one", func(m *Meter) { m.Quirks.Shift = everyOther() }},
	{"slow", "answers after 2.6 s", func(m *Meter) { m.Delay = 2600 * time.Millisecond }},
	{"small-frames", "needs follow-up frames for more than 8 bytes", func(m *Meter) { m.Buffer = 8 }},
	{"stuck", "answers to relay commands, and the relay never moves", func(m *Meter) { m.Quirks.Stuck = true }},
	{"trip-late", "trips five seconds after its answer", func(m *Meter) { m.Quirks.TripDelay = 5 * time.Second }},
	{"vendor-commands", "has its maker's own N1: 5A trips, 5B closes", func(m *Meter) {
		m.Quirks.Commands = map[byte]dlt645.Command{0x5A: dlt645.CommandTrip, 0x5B: dlt645.CommandClose}
	}},
	{"wide-current", "gives currents in four bytes", func(m *Meter) { m.Quirks.WideCurrent = true }},
	{"wild-address", "answers a wildcard with AA, not with its address", func(m *Meter) { m.Quirks.WildAddress = true }},
}

// lack lets a meter refuse the identifiers that are code where mask has bits.
func (m *Meter) lack(mask, code uint32) {
	before := m.Quirks.Lacks
	m.Quirks.Lacks = func(c uint32) bool { return c&mask == code || before != nil && before(c) }
}

// lackPast lets it refuse the records of the identifiers that begin with d3,
// but not the present value or count.
func (m *Meter) lackPast(d3 uint32) {
	before := m.Quirks.Lacks
	m.Quirks.Lacks = func(c uint32) bool { return c>>24 == d3 && c&0xFF != 0 || before != nil && before(c) }
}

// at matches a minute of the hour.
func at(minute int) func(time.Time) bool {
	return func(t time.Time) bool { return t.Minute() == minute }
}

func thirdNight(clock time.Time) bool {
	evening := clock.Add(-15 * time.Minute) // of the night's day
	return evening.Day()%3 == 0 && evening.Hour() == 23 && evening.Minute() >= 30
}

func atNoon(clock time.Time) map[uint32][]byte {
	switch {
	case clock.Minute() != 0:
	case clock.Hour() == 12:
		return map[uint32][]byte{loadModeWord: {0x08}, loadInterval1 + 3: {0x30, 0x00}}
	case clock.Hour() == 0:
		return map[uint32][]byte{loadModeWord: {0x3F}, loadInterval1 + 3: {0x15, 0x00}}
	}
	return nil
}

func everyOther() func(uint32) bool {
	asked := 0
	return func(uint32) bool {
		asked++
		return asked%2 == 0
	}
}

// Give gives a meter a quirk by its name.
func (m *Meter) Give(name string) error {
	i := slices.IndexFunc(allQuirks, func(q Quirk) bool { return q.Name == name })
	if i < 0 {
		var names []string
		for _, q := range allQuirks {
			names = append(names, q.Name)
		}
		return fmt.Errorf("unknown quirk %q: know %s", name, strings.Join(names, ", "))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	allQuirks[i].give(m)
	return nil
}
