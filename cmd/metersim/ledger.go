package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"meterd/dlt645/dlt645test"
)

// ledger holds what the meters answered on the line against what the
// platform has stored. It reads the answers by itself, with string
// arithmetic, so that a mistake of the codec would show.
type ledger struct {
	mu      sync.Mutex
	answers []answer
}

// answer is a value that a meter gave on the line.
type answer struct {
	at       time.Time
	meter    string // its address
	point    string // the identifier of those platforms that take our names
	digits   string // as on the line, without a point
	decimals int
	negative bool
}

// source tells which point an item of an answer is, by the bytes of its first
// member.
type source struct {
	point    string
	size     int
	decimals int
	signed   bool
}

// sources are the points of the demo that are counted.
var sources = map[string]source{
	"0201FF00": {"voltage_a", 2, 1, false},
	"0202FF00": {"current_a", 3, 3, true},
	"0203FF00": {"power_active_total", 3, 4, true},
	"0204FF00": {"power_reactive_total", 3, 4, true},
	"0206FF00": {"power_factor_total", 2, 3, true},
	"02800002": {lastOfRound, 2, 2, false},
	"0001FF00": {"energy_forward_total", 4, 2, false},
}

// lastOfRound is the last value of a round.
const lastOfRound = "frequency"

// longestRound is how long a round may take, time-outs included. A reading
// carries the time of its round's first answer, to the second. Equal values
// of two rounds within that time are not told apart, only counted.
const longestRound = 10 * time.Second

// slack is how much earlier the line may have told an answer than meterd saw
// it.
const slack = 2 * time.Second

// take notes a frame of the line.
func (l *ledger) take(e dlt645test.Event) {
	if !e.OK || byte(e.Frame.Control) != 0x91 || len(e.Frame.Data) < 4 {
		return
	}
	d := e.Frame.Data
	src, ok := sources[fmt.Sprintf("%02X%02X%02X%02X", d[3], d[2], d[1], d[0])]
	if !ok || len(d) < 4+src.size {
		return
	}
	a := answer{at: e.At, meter: e.Frame.Address.String(), point: src.point, decimals: src.decimals}
	for i := src.size - 1; i >= 0; i-- {
		b := d[4+i]
		if i == src.size-1 && src.signed {
			a.negative = b&0x80 != 0
			b &= 0x7F
		}
		a.digits += fmt.Sprintf("%02X", b)
	}
	if strings.ContainsAny(a.digits, "ABCDEF") {
		return // absent
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answers = append(l.answers, a)
}

// decimal is the answer as JSON has it: 002201 with one decimal is 220.1.
func (a answer) decimal() string {
	whole := strings.TrimLeft(a.digits[:len(a.digits)-a.decimals], "0")
	if whole == "" {
		whole = "0"
	}
	s := whole + "." + a.digits[len(a.digits)-a.decimals:]
	if a.negative && strings.Trim(s, "0.") != "" {
		s = "-" + s
	}
	return s
}

// stored is a value that a platform has stored.
type stored struct {
	meter, item, value string
	t                  time.Time // that it carries; zero: none
	at                 time.Time // of its arrival
}

// wanted is what a platform shall have of an answer.
type wanted struct{ item, value string }

// plainly is what those platforms have that take our names and digits.
func plainly(a answer) []wanted { return []wanted{{a.point, a.decimal()}} }

// expected is an answer's item.
type expected struct {
	answer
	item, value string
	reported    bool
}

// account is what the comparison gives.
type account struct {
	Answered int // values on the line
	Stored   int // of them, at the platform
	Repeats  int // came once more, on a platform without times that would tell
	Missing  []*expected
	Invented []stored        // at the platform, but never on the line
	Delays   []time.Duration // from the last answer of each round to its value at the platform, sorted
}

// compare matches what is stored with the answers, one to one; wants tells
// what the platform shall have of each.
func (l *ledger) compare(values []stored, wants func(answer) []wanted) account {
	l.mu.Lock()
	defer l.mu.Unlock()
	type key struct{ meter, item, value string }
	open, items := map[key][]*expected{}, map[string]bool{}
	var all []*expected
	for _, a := range l.answers {
		for _, w := range wants(a) {
			e := &expected{a, w.item, w.value, false}
			open[key{a.meter, w.item, w.value}] = append(open[key{a.meter, w.item, w.value}], e)
			all, items[w.item] = append(all, e), true
		}
	}
	acc := account{Answered: len(all)}
	for _, v := range values {
		if !items[v.item] {
			continue
		}
		e, again := match(open[key{v.meter, v.item, v.value}], v)
		switch {
		case e != nil:
			e.reported = true
			acc.Stored++
			if e.point == lastOfRound {
				acc.Delays = append(acc.Delays, v.at.Sub(e.at))
			}
		case again:
			acc.Repeats++
		default:
			acc.Invented = append(acc.Invented, v)
		}
	}
	slices.Sort(acc.Delays)
	for _, e := range all {
		if !e.reported {
			acc.Missing = append(acc.Missing, e)
		}
	}
	return acc
}

// match finds the answer after a stored value. Again tells that it is stored
// already, which only a value without a time may be.
func match(list []*expected, v stored) (e *expected, again bool) {
	for _, e := range list {
		near := v.at.Sub(e.at) > -slack // without a time: said before it came
		if !v.t.IsZero() {
			late := e.at.Sub(v.t)
			near = late > -slack && late < longestRound
		}
		if near && !e.reported {
			return e, false
		}
		again = again || near && v.t.IsZero()
	}
	return nil, again
}

// tuyaPoints are the data points of a point, and the zeros that make the
// meter's digits the platform's raw integer: 220.1 V is 2201 and "000".
var tuyaPoints = map[string]struct {
	dps   []string
	zeros string
}{
	"voltage_a":            {[]string{"5"}, "000"},
	"current_a":            {[]string{"7"}, "0000"}, // A with 3 decimals is mA
	"power_active_total":   {[]string{"3"}, "000"},  // kW with 4 decimals is W with 1
	"power_reactive_total": {[]string{"38"}, "000"},
	"power_factor_total":   {[]string{"40"}, "0"},
	lastOfRound:            {[]string{"41"}, "00"},
	"energy_forward_total": {[]string{"44", "50"}, "00"},
}

// tuyaMost is the largest raw integer that all these data points take.
const tuyaMost = 999999999

// asTuya is what Tuya has of an answer: nothing of one that is out of its
// range.
func asTuya(a answer) []wanted {
	p := tuyaPoints[a.point]
	n, err := strconv.ParseUint(a.digits+p.zeros, 10, 64)
	if err != nil || a.negative || n > tuyaMost {
		return nil
	}
	var all []wanted
	for _, dp := range p.dps {
		all = append(all, wanted{dp, strconv.FormatUint(n, 10)})
	}
	return all
}
