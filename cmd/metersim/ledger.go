package main

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"meterd/dlt645/dlt645test"
	"meterd/uplink/uplinktest"
)

// ledger holds what the meters answered on the line against what the
// platform has stored. It reads the answers by itself, with string
// arithmetic, so that a mistake of the codec would show.
type ledger struct {
	mu      sync.Mutex
	answers []answered
}

// answered is a value that a meter gave on the line.
type answered struct {
	at       time.Time
	cid, dp  string
	value    string
	reported bool
}

// source tells which data point of the platform an item of an answer is: the
// bytes of its first member, and the zeros that make it the raw integer.
type source struct {
	dps        []string
	from, size int
	zeros      string
	signed     bool
}

// sources are the points of the demo that the platform counts. Voltage has
// one decimal, the raw integer four: 220.1 V is 2201 and "000".
var sources = map[string]source{
	"0201FF00": {[]string{"5"}, 0, 2, "000", false},
	"0202FF00": {[]string{"7"}, 0, 3, "0000", true}, // A with 3 decimals is mA
	"0203FF00": {[]string{"3"}, 0, 3, "000", true},  // kW with 4 decimals is W with 1
	"0204FF00": {[]string{"38"}, 0, 3, "000", true},
	"0206FF00": {[]string{"40"}, 0, 2, "0", true},
	"02800002": {[]string{"41"}, 0, 2, "00", false},
	"0001FF00": {[]string{"44", "50"}, 0, 4, "00", false},
}

// platformMost is the largest raw integer that all these data points take.
const platformMost = 999999999

// longestRound is how long a round may take, time-outs included. A reading
// carries the time of its round's first answer, to the second. Equal values
// of two rounds within that time are not told apart, only counted.
const longestRound = 10 * time.Second

// lastOfRound is the data point of the frequency, the last value of a round.
const lastOfRound = "41"

// take notes a frame of the line.
func (l *ledger) take(e dlt645test.Event) {
	if !e.OK || byte(e.Frame.Control) != 0x91 || len(e.Frame.Data) < 4 {
		return
	}
	d := e.Frame.Data
	src, ok := sources[fmt.Sprintf("%02X%02X%02X%02X", d[3], d[2], d[1], d[0])]
	if !ok || len(d) < 4+src.from+src.size {
		return
	}
	digits, negative := "", false
	for i := src.size - 1; i >= 0; i-- {
		b := d[4+src.from+i]
		if i == src.size-1 && src.signed {
			negative = b&0x80 != 0
			b &= 0x7F
		}
		digits += fmt.Sprintf("%02X", b)
	}
	n, err := strconv.ParseUint(digits+src.zeros, 10, 64)
	if err != nil || negative || n > platformMost {
		return // the platform takes no such value, and meterd withholds it
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, dp := range src.dps {
		l.answers = append(l.answers, answered{at: e.At, cid: e.Frame.Address.String(), dp: dp, value: strconv.FormatUint(n, 10)})
	}
}

// account is what the comparison gives.
type account struct {
	Answered int // values on the line
	Stored   int // of them, at the platform
	Missing  []answered
	Invented []uplinktest.Report // at the platform, but never on the line
	Delays   []time.Duration     // from the last answer of each round to its value at the platform, sorted
}

// compare matches the reports with the answers, one to one.
func (l *ledger) compare(reports []uplinktest.Report) account {
	l.mu.Lock()
	defer l.mu.Unlock()
	acc := account{Answered: len(l.answers)}
	type key struct{ cid, dp, value string }
	open := map[key][]*answered{}
	for i := range l.answers {
		a := &l.answers[i]
		a.reported = false
		open[key{a.cid, a.dp, a.value}] = append(open[key{a.cid, a.dp, a.value}], a)
	}
	for _, r := range reports {
		if !counted(r.DP) {
			continue
		}
		list := open[key{r.CID, r.DP, r.Value}]
		if a := match(list, time.Unix(r.T, 0)); a != nil {
			a.reported = true
			acc.Stored++
			if r.DP == lastOfRound {
				acc.Delays = append(acc.Delays, r.At.Sub(a.at))
			}
			continue
		}
		acc.Invented = append(acc.Invented, r)
	}
	slices.Sort(acc.Delays)
	for _, a := range l.answers {
		if !a.reported {
			acc.Missing = append(acc.Missing, a)
		}
	}
	return acc
}

func match(list []*answered, at time.Time) *answered {
	for _, a := range list {
		if late := a.at.Sub(at); !a.reported && late > -100*time.Millisecond && late < longestRound {
			return a
		}
	}
	return nil
}

func counted(dp string) bool {
	for _, s := range sources {
		for _, d := range s.dps {
			if d == dp {
				return true
			}
		}
	}
	return false
}
