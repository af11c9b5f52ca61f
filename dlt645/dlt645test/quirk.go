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
	{"endless", "says after each answer that there is more", func(m *Meter) { m.Quirks.Endless = true }},
	{"min-gap", "is deaf within 100 ms of an answer", func(m *Meter) { m.Quirks.MinGap = 100 * time.Millisecond }},
	{"needs-preamble", "is deaf to a request without FE bytes", func(m *Meter) { m.Quirks.NeedsPreamble = true }},
	{"no-block", "refuses blocks", func(m *Meter) { m.NoBlock = true }},
	{"refusal-bare", "refuses without a code", func(m *Meter) { m.Quirks.Refusal = []byte{} }},
	{"refusal-two-bytes", "refuses with 01 01", func(m *Meter) { m.Quirks.Refusal = []byte{0x01, 0x01} }},
	{"refuses-trip", "refuses to trip by a plain command", func(m *Meter) { m.Quirks.RefusesTrip = true }},
	{"report", "sends its status word before each answer", func(m *Meter) { m.Quirks.Report = true }},
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
